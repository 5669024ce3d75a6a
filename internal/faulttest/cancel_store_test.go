package faulttest

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/consistency"
	"github.com/jollyjet/aside/evict"
	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/store"
)

// storeCalls are the calls of a store, its caches and decorated writes. The i-th caller has a key of its own.
type storeCalls struct {
	src     *table
	cache   *cache
	well    *cache // another node, whose reads show whether evictions were carried out
	keys    []string
	asks    []ask
	version int
	written atomic.Int64
}

// evicting are the calls whose eviction must be carried out although their callers left.
const evicting = "Evict Expire Everything ByTag cache.Evict cache.Expire After Around Replace"

func newStoreCalls(t *testing.T, server *redistest.Server, shares int) calls {
	namespace, keys := redistest.Unique(t), numbered(many)
	w := &storeCalls{src: newTable(keys...), keys: keys}
	// No breaker may open: one would spare callers the wait that is measured.
	w.cache = w.src.cached(join(t, server.Client(t), namespace, store.BreakAfter(1<<30), store.AutoPipeline(shares)))
	w.well = w.src.cached(join(t, server.Client(t), namespace, store.BreakAfter(1<<30), store.AutoPipeline(shares)))
	st, c, key := w.cache.Store(), w.cache, func(i int) string { return w.keys[i] }
	after := evict.AfterErr(w.write, evict.Key(c, key))
	around := evict.AroundErr(w.write, evict.Key(c, key))
	replace := evict.Around(func(ctx context.Context, i int) (int, error) { return w.version, w.write(ctx, i) },
		evict.Replace(c, func(i, v int) (string, int) { return key(i), v }))
	w.asks = []ask{
		{"Evict", func(ctx context.Context, i int) error { return st.Evict(ctx, c.EntryKey(key(i)), st.Tag(key(i))) }},
		{"Expire", func(ctx context.Context, i int) error { return st.Engine().Evictor.Expire(ctx, c.EntryKey(key(i))) }},
		{"Everything", func(ctx context.Context, _ int) error { return evict.Everything(ctx, st) }},
		{"ByTag", func(ctx context.Context, i int) error { return evict.ByTag(ctx, st, key(i)) }},
		{"ByPattern", func(ctx context.Context, _ int) error { _, err := evict.ByPattern(ctx, st, "c:none*"); return err }},
		{"Ping", func(ctx context.Context, _ int) error { return st.Ping(ctx)[0].Err }},
		{"Hold", func(ctx context.Context, i int) error { return holdAndEnd(ctx, st, c.EntryKey(key(i))) }},
		{"take a checkpoint", func(ctx context.Context, i int) error { return takeCheckpoint(ctx, st, i) }},
		{"Get", func(ctx context.Context, i int) error { _, err := c.Get(ctx, key(i)); return err }},
		{"Get of a miss", func(ctx context.Context, i int) error { _, err := c.Get(ctx, "none"+key(i)); return err }},
		{"GetAll", func(ctx context.Context, _ int) error { _, err := c.GetAll(ctx, w.keys[:8]); return err }},
		{"Put", func(ctx context.Context, i int) error { return c.Put(ctx, "put"+key(i), 1) }},
		{"Peek", func(ctx context.Context, i int) error { _, _, err := c.Peek(ctx, key(i)); return err }},
		{"Refresh", func(ctx context.Context, i int) error { _, err := c.Refresh(ctx, key(i)); return err }},
		{"Look", func(ctx context.Context, i int) error { _ = c.Samples(ctx, false, key(i)); return nil }},
		{"cache.Evict", func(ctx context.Context, i int) error { return c.Evict(ctx, key(i)) }},
		{"cache.Expire", func(ctx context.Context, i int) error { return c.Expire(ctx, key(i)) }},
		{"After", after},
		{"Around", around},
		{"Replace", func(ctx context.Context, i int) error { _, err := replace(ctx, i); return err }},
		{"Audit", func(ctx context.Context, _ int) error { _, err := consistency.Audit(ctx, c.Cacheable); return err }},
		{"Health", func(ctx context.Context, _ int) error { consistency.NewHealth(st).Check(ctx); return nil }},
	}
	return w
}

func holdAndEnd(ctx context.Context, st *store.Store, key store.Key) error {
	h, err := st.Engine().Evictor.Hold(ctx, key)
	if h == nil {
		return err
	}
	return h.End(ctx, 0)
}

func takeCheckpoint(ctx context.Context, st *store.Store, i int) error {
	b, err := st.Engine().Checkpoints.Take(ctx, fmt.Sprint("b", i))
	if err != nil {
		return err
	}
	return b.Release(ctx)
}

func (w *storeCalls) write(_ context.Context, i int) error {
	w.src.set(w.version, w.keys[i])
	w.written.Add(1)
	return nil
}

func (w *storeCalls) names() []string { return namesOf(w.asks) }

func (w *storeCalls) prepare(t *testing.T, name string, callers int) func(context.Context, int) error {
	t.Helper()
	warm(t, w.cache, w.keys...)
	warm(t, w.well, w.keys...)
	together(t, callers, func(i int) error { _, _, err := w.cache.Peek(t.Context(), w.keys[i]); return err })
	w.version++
	w.written.Store(0)
	if isEvicting(name) && !isWrite(name) {
		w.src.set(w.version+1, w.keys[:callers]...) // a write that the call follows
		w.version++
	}
	return find(t, w.asks, name)
}

func isEvicting(name string) bool {
	for one := range strings.FieldsSeq(evicting) {
		if one == name {
			return true
		}
	}
	return false
}

func isWrite(name string) bool { return name == "After" || name == "Around" || name == "Replace" }

// check waits for the evictions of callers who left, and reads on the other node what they wrote.
func (w *storeCalls) check(t *testing.T, name string, callers int) {
	t.Helper()
	st := w.cache.Store()
	redistest.Eventually(t, "nothing is pending", func() bool { return st.Stats().Pending == 0 })
	if isWrite(name) {
		assert.EqualValues(t, callers, w.written.Load(), "%s: writes that happened", name)
	}
	if !isEvicting(name) {
		return
	}
	stale := 0
	after := took(func() bool { // commands in flight may be carried out a moment after the resumption
		stale = 0
		for _, c := range []*cache{w.cache, w.well} {
			seen, err := c.GetAll(t.Context(), w.keys)
			require.NoError(t, err)
			for key, v := range w.src.all() {
				if seen[key] != v {
					stale++
				}
			}
		}
		return stale == 0
	})
	assert.Zero(t, stale, "%s by %d callers: evictions lost", name, callers)
	assert.Less(t, after, patience)
}
