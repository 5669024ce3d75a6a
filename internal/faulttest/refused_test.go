package faulttest

import (
	"context"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/cacheable"
	"github.com/jollyjet/aside/evict"
	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/store"
)

// pair is a node whose client is refused, another one whose client works, and the source of both.
type pair struct {
	of          *refused
	src         *table
	cache, well *cache
}

// newPair strikes once both nodes have the keys in Redis.
func newPair(t *testing.T, p *place, of refusal, keys ...string) *pair {
	t.Helper()
	r, namespace := of.begin(t, p), redistest.Unique(t)
	w := &pair{of: r, src: newTable(keys...)}
	w.well = w.src.cached(join(t, p.client(t), namespace))
	warm(t, w.well, keys...)
	w.cache = w.src.cached(join(t, r.rdb, namespace, store.Hooks(r.hooks...)))
	if !of.fromStart {
		warm(t, w.cache, keys...)
	}
	r.strike()
	return w
}

// drains waits until all queued evictions are carried out, and checks that both nodes then read current values.
func (w *pair) drains(t *testing.T, of refusal, keys ...string) {
	t.Helper()
	st := w.cache.Store()
	w.of.correct()
	pending := took(func() bool { return st.Stats().Pending == 0 })
	assert.Less(t, pending, 2*time.Second, "the evictions are carried out")
	stale := 0
	for _, key := range keys {
		for _, c := range []*cache{w.cache, w.well} {
			v, err := c.Get(t.Context(), key)
			require.NoError(t, err)
			if v != w.src.all()[key] && !of.alone { // the restart loses the data
				stale++
			}
		}
	}
	assert.Zero(t, stale, "reads of the old value after the correction")
	t.Logf("drained after %d ms, %d of %d reads stale, queued %d, replayed %d",
		pending.Milliseconds(), stale, 2*len(keys), st.Stats().Queued, st.Stats().Replayed)
}

// An eviction whose connection is refused is queued.
func refusedEviction(t *testing.T, p *place, of refusal) {
	t.Helper()
	w := newPair(t, p, of, "a", "b")
	w.src.set(2, "a", "b")
	err := w.cache.Evict(t.Context(), "a", "b")
	s := w.cache.Store().Stats()
	t.Logf("Evict of two keys: %v; %d queued, %d pending", err, s.Queued, s.Pending)
	assert.ErrorIs(t, err, store.ErrQueued)
	assert.EqualValues(t, 2, s.Queued)
	assert.EqualValues(t, 2, s.Pending)
	for _, key := range []string{"a", "b"} {
		v, err := w.cache.Get(t.Context(), key)
		assert.NoError(t, err)
		assert.Equal(t, 2, v, "this node reads the source")
	}
	w.drains(t, of, "a", "b")
}

func refusedEvictions(t *testing.T, p *place, of refusal) {
	t.Helper()
	const callers = 64
	keys := numbered(2 * callers)
	w := newPair(t, p, of, keys...)
	w.src.set(2, keys...)
	var wg sync.WaitGroup
	var believed atomic.Int64
	for i := range callers {
		wg.Go(func() {
			if w.cache.Evict(t.Context(), keys[2*i], keys[2*i+1]) == nil {
				believed.Add(1)
			}
		})
	}
	wg.Wait()
	s := w.cache.Store().Stats()
	t.Logf("%d of %d Evicts returned nil; %d of %d queued", believed.Load(), callers, s.Queued, len(keys))
	assert.Zero(t, believed.Load())
	assert.EqualValues(t, len(keys), s.Queued)
	w.drains(t, of, keys...)
}

func numbered(n int) []string {
	keys := make([]string, n)
	for i := range keys {
		keys[i] = "k" + strconv.Itoa(i)
	}
	return keys
}

// A decorated write queues all its evictions, and after the correction no node still reads the old value.
func refusedWrite(t *testing.T, p *place, of refusal, decorate decorator) {
	t.Helper()
	keys := []string{"a", "b"}
	w := newPair(t, p, of, keys...)
	write := decorate(func(_ context.Context, v int) error {
		w.src.set(v, keys...)
		return nil
	}, evict.Keys(w.cache, func(int) []string { return keys }))
	assert.NoError(t, write(t.Context(), 2))
	s := w.cache.Store().Stats()
	t.Logf("%d of 2 evictions pending", s.Pending)
	assert.EqualValues(t, 2, s.Pending)
	w.drains(t, of, keys...)
}

type decorator = func(func(context.Context, int) error, ...evict.Target[int]) func(context.Context, int) error

// A breaker opens when pipelines are refused, as it does for single commands.
func TestRefusedPipelinesOpenTheBreaker(t *testing.T) {
	onBoth(t, func(t *testing.T, p *place) {
		u := p.newUser(t, "right")
		st := join(t, p.client(t, u.as("wrong")), redistest.Unique(t))
		keys := []store.Key{st.Tag("a"), st.Tag("b")}
		evictions := 0
		for ; evictions < 50 && len(st.Stats().Breakers.Open) == 0; evictions++ {
			_ = st.Evict(t.Context(), keys...)
		}
		t.Logf("open after %d evictions of two keys: %v", evictions, st.Stats().Breakers.Open)
		assert.NotEmpty(t, st.Stats().Breakers.Open)
	})
}

// The loader answers reads.
func refusedRead(t *testing.T, p *place, of refusal) {
	t.Helper()
	keys := []string{"a", "b", "c"}
	w := newPair(t, p, of, keys...)
	w.src.set(2, keys...)
	all, err := w.cache.GetAll(t.Context(), keys)
	assert.NoError(t, err)
	assert.Equal(t, w.src.all(), all)
	v, info, err := w.cache.GetInfo(t.Context(), "a")
	t.Logf("GetAll: %v; Get: %d from %v, %v", all, v, info.Source, err)
	assert.NoError(t, err)
	assert.Equal(t, 2, v)
	assert.Equal(t, cacheable.SourceBypass, info.Source, "Redis is not to be used")
	_, there, err := w.cache.Peek(t.Context(), "a")
	assert.ErrorIs(t, err, store.ErrUnavailable, "Peek does not say that there is nothing")
	assert.False(t, there)
	assert.ErrorIs(t, w.cache.Put(t.Context(), "a", 3), store.ErrUnavailable)
}
