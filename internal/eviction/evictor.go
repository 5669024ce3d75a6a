package eviction

import (
	"log/slog"
	"time"

	"github.com/jollyjet/aside/internal/envelope"
	"github.com/jollyjet/aside/internal/keyspace"
	"github.com/jollyjet/aside/internal/lifecycle"
	"github.com/jollyjet/aside/internal/lua"
	"github.com/jollyjet/aside/internal/outbox"
	"github.com/jollyjet/aside/internal/tagversion"
	"github.com/jollyjet/aside/internal/tracing"
	"github.com/jollyjet/aside/internal/wire"
)

// Key is what is evicted.
type Key = keyspace.Key

// Config says what an [Evictor] is made with.
type Config struct {
	Keys     *keyspace.Keyspace
	Wire     *wire.Wire
	Versions *tagversion.Versions
	Outbox   *outbox.Outbox
	Life     *lifecycle.Lifecycle
	Log      *slog.Logger
	Tracer   *tracing.Tracer // nil: none
	HoldTime time.Duration   // how long a hold outlives its writer

	// Again connects once more, for a write that ends after the store was closed, and returns how to close that connection.
	Again   func() (*wire.Wire, *tagversion.Versions, func(), error)
	Timeout time.Duration // for an eviction over such a connection
}

// Evictor is safe for concurrent use.
type Evictor struct {
	cfg    Config
	counts counts
}

// New returns an evictor.
func New(cfg Config) *Evictor { return &Evictor{cfg: cfg} }

// restOnEachOther reports whether one of the keys may be that of something that was made from what another one evicts: if
// they do not all belong to one cache. A tag is two things, it and its bucket.
func (e *Evictor) restOnEachOther(keys []Key) bool {
	for _, key := range keys {
		if e.cfg.Keys.IsTag(key.Addr()) || e.cfg.Keys.Group(key.Addr()) != e.cfg.Keys.Group(keys[0].Addr()) {
			return true
		}
	}
	return false
}

// forget drops what this process holds of the keys.
func (e *Evictor) forget(keys []Key) {
	for _, key := range keys {
		e.cfg.Versions.Changed(key.Addr())
	}
}

// Replacement is a value to take the place of a hold on its key.
type Replacement struct {
	Key    Key
	Record []byte
	TTL    time.Duration
}

// ends returns calls that evict keys and end the holds on them, or let those stand for as long as stay if that is positive.
func ends(keys []Key, token envelope.Token, stay time.Duration, replace ...Replacement) []*wire.Call {
	calls := make([]*wire.Call, len(keys))
	for i, key := range keys {
		record, ttl := []byte{}, time.Duration(0)
		for _, r := range replace {
			if r.Key == key {
				record, ttl = r.Record, r.TTL
			}
		}
		calls[i] = &wire.Call{Script: lua.Unhold, Key: key.Addr(), Args: []any{
			envelope.HoldPrefix(), token[:], max(0, stay.Milliseconds()), record, ttl.Milliseconds(),
		}}
	}
	return calls
}
