package engine

import (
	"log/slog"

	"github.com/jollyjet/aside/internal/checkpoint"
	"github.com/jollyjet/aside/internal/entry"
	"github.com/jollyjet/aside/internal/eviction"
	"github.com/jollyjet/aside/internal/keyspace"
	"github.com/jollyjet/aside/internal/lifecycle"
	"github.com/jollyjet/aside/internal/scan"
)

// Engine holds the parts of an open store. Its fields never change after store.Open.
type Engine struct {
	Keys        *keyspace.Keyspace
	Log         *slog.Logger
	Life        *lifecycle.Lifecycle
	Entries     *entry.Entries
	Evictor     *eviction.Evictor
	Scanner     *scan.Scanner
	Checkpoints *checkpoint.Checkpoints
}
