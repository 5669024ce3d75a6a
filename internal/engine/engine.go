// Package engine is what the decorators of this module stand on: the rooms of one open store, put together by package
// store.
//
// It has no state of its own; each room documents its invariant and its locks. The order of locks across rooms is:
// dataset.Detector.mu, then outbox.Outbox.mu, then those of tagversion, journal and lifecycle. tracking.Tracker.mu is taken
// before that of lifecycle, and with none of the others held.
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

// Engine has the rooms of an open store. Its fields do not change.
type Engine struct {
	Keys        *keyspace.Keyspace
	Log         *slog.Logger
	Life        *lifecycle.Lifecycle
	Entries     *entry.Entries
	Evictor     *eviction.Evictor
	Scanner     *scan.Scanner
	Checkpoints *checkpoint.Checkpoints
}
