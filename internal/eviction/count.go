package eviction

import (
	"context"
	"sync/atomic"

	"github.com/jollyjet/aside/internal/keyspace"
	"github.com/jollyjet/aside/internal/tracing"
)

// Two kinds that are not told by a key.
const (
	kindPattern keyspace.Kind = keyspace.KindEverything + 1 + iota
	kindExpire
	kinds
)

var kindNames = [kinds]string{"key", "tag", "all", "everything", "pattern", "expire"}

// counts are the evictions by kind.
type counts [kinds]atomic.Int64

// Stats counts evictions by what was evicted. Those that are queued are counted when they are.
type Stats struct {
	Keys, Tags, All, Everything int64
	Pattern                     int64 // entries found by a pattern
	Expired                     int64 // entries whose time to live was ended instead
}

// Stats returns the counters. They are not read at one instant.
func (e *Evictor) Stats() Stats {
	n := func(k keyspace.Kind) int64 { return e.counts[k].Load() }
	return Stats{
		Keys: n(keyspace.KindKey), Tags: n(keyspace.KindTag), All: n(keyspace.KindAll), Everything: n(keyspace.KindEverything),
		Pattern: n(kindPattern), Expired: n(kindExpire),
	}
}

func (e *Evictor) count(keys []Key) {
	for _, key := range keys {
		e.counts[e.cfg.Keys.KindOf(key)].Add(1)
	}
}

// kindsOf says what an eviction evicts.
func (e *Evictor) kindsOf(keys []Key) string {
	if e.cfg.Tracer == nil {
		return ""
	}
	kind := keyspace.KindKey
	for i, key := range keys {
		switch of := e.cfg.Keys.KindOf(key); {
		case i == 0:
			kind = of
		case of != kind:
			return "mixed"
		}
	}
	return kindNames[kind]
}

func (e *Evictor) trace(ctx context.Context, kind string, keys int) (context.Context, tracing.Span) {
	return e.cfg.Tracer.Begin(ctx, tracing.Start{Operation: tracing.Evict, Kind: kind, Keys: keys})
}
