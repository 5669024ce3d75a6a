package store_test

import (
	"context"
	"net"
	"slices"
	"sync"
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/store"
)

// tape is a tracer that keeps what it is told, and marks the context.
type tape struct {
	mu     sync.Mutex
	starts []store.TraceStart
	ends   []store.TraceEnd
}

type tapeKey struct{}

func (r *tape) Start(ctx context.Context, start store.TraceStart) context.Context {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.starts = append(r.starts, start)
	return context.WithValue(ctx, tapeKey{}, len(r.starts))
}

func (r *tape) End(ctx context.Context, end store.TraceEnd) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if ctx.Value(tapeKey{}) != len(r.starts) {
		panic("this is not the context of the operation")
	}
	r.ends = append(r.ends, end)
}

// last returns the only operation since it was last called.
func (r *tape) last(t *testing.T) (store.TraceStart, store.TraceEnd) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	require.Len(t, r.starts, 1)
	require.Len(t, r.ends, 1)
	start, end := r.starts[0], r.ends[0]
	r.starts, r.ends = nil, nil
	return start, end
}

func TestEvictionsAreTracedByKind(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		tracer := &tape{}
		e := newEntry(t, rdb, store.Trace(tracer))
		a, b, tag := e.Cache.Key("a"), e.Cache.Key("b"), e.st.Tag("tag")
		for _, tt := range []struct {
			kind  string
			keys  int
			evict func(ctx context.Context) error
			count func(k *store.EvictionStats) *int64
		}{
			{"key", 2, func(ctx context.Context) error { return e.st.Evict(ctx, a, b) }, func(k *store.EvictionStats) *int64 { return &k.Keys }},
			{"tag", 1, func(ctx context.Context) error { return e.st.Evict(ctx, tag) }, func(k *store.EvictionStats) *int64 { return &k.Tags }},
			{"all", 1, func(ctx context.Context) error { return e.st.Evict(ctx, e.All()) }, func(k *store.EvictionStats) *int64 { return &k.All }},
			{"everything", 1, func(ctx context.Context) error { return e.st.Evict(ctx, e.st.Everything()) }, func(k *store.EvictionStats) *int64 { return &k.Everything }},
			{"key", 1, func(ctx context.Context) error { return e.hold(a).End(ctx, 0) }, func(k *store.EvictionStats) *int64 { return &k.Keys }},
			{"expire", 1, func(ctx context.Context) error {
				e.load("old")
				return e.st.Engine().Evictor.Expire(ctx, e.Ref.Key)
			}, func(k *store.EvictionStats) *int64 { return &k.Expired }},
			{"pattern", 0, func(ctx context.Context) error {
				require.NoError(t, e.rdb.Set(ctx, e.addr(), "anything", ttl).Err())
				_, err := e.st.Engine().Evictor.Matching(ctx, "cache:key", nil)
				return err
			}, func(k *store.EvictionStats) *int64 { return &k.Pattern }},
		} {
			want := e.st.Stats()
			require.NoError(t, tt.evict(t.Context()))
			start, end := tracer.last(t)
			require.Equal(t, store.TraceStart{Operation: store.OperationEvict, Namespace: e.st.Namespace(), Kind: tt.kind, Keys: tt.keys}, start)
			require.Equal(t, store.OperationEvict, end.Operation)
			require.NoError(t, end.Err)
			require.Positive(t, end.Took)

			*tt.count(&want.Kinds) += int64(max(tt.keys, 1))
			if tt.kind != "expire" {
				want.Evictions += int64(max(tt.keys, 1))
			}
			require.Equal(t, want.Kinds, e.st.Stats().Kinds, tt.kind)
			require.Equal(t, want.Evictions, e.st.Stats().Evictions, tt.kind)
		}
		require.NoError(t, e.st.Evict(t.Context(), a, tag))
		start, _ := tracer.last(t)
		require.Equal(t, "mixed", start.Kind)

		require.NoError(t, e.st.Evict(t.Context()), "nothing to do, nothing to trace")
		require.NoError(t, e.st.Engine().Evictor.Expire(t.Context()))
		require.Empty(t, tracer.starts)

		gone, cancel := context.WithCancel(t.Context())
		cancel()
		require.ErrorIs(t, e.st.Evict(gone, a), store.ErrQueued)
		_, end := tracer.last(t)
		require.ErrorIs(t, end.Err, store.ErrQueued)
	})
}

// spy is a hook of the client that notes of which operation its commands are.
type spy struct {
	mu   sync.Mutex
	seen []any
}

func (s *spy) note(ctx context.Context) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen = append(s.seen, ctx.Value(tapeKey{}))
}

func (s *spy) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) { return next(ctx, network, addr) }
}

func (s *spy) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error { s.note(ctx); return next(ctx, cmd) }
}

func (s *spy) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error { s.note(ctx); return next(ctx, cmds) }
}

func TestTheCommandsOfAnEvictionHaveTheTracersContext(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		hook := &spy{}
		e := newEntry(t, rdb, store.Trace(&tape{}), store.Hooks(hook))
		e.evict(e.Ref.Key)
		hook.mu.Lock()
		defer hook.mu.Unlock()
		require.True(t, slices.Contains(hook.seen, any(1)), "%v", hook.seen)
	})
}

// clumsy is a tracer with mistakes.
type clumsy struct{ start func() context.Context }

func (c clumsy) Start(context.Context, store.TraceStart) context.Context { return c.start() }
func (c clumsy) End(context.Context, store.TraceEnd)                     { panic("end") }

func TestATracersMistakesFailNothing(t *testing.T) {
	for name, start := range map[string]func() context.Context{
		"panic":      func() context.Context { panic("start") },
		"no context": func() context.Context { return nil },
	} {
		t.Run(name, func(t *testing.T) {
			e := newEntry(t, redistest.Start(t).Client(t), store.Trace(clumsy{start}))
			e.load("x")
			e.evict(e.Ref.Key)
			require.Equal(t, "absent", e.sees())
			require.Positive(t, e.st.Stats().Panics)
		})
	}
	require.PanicsWithValue(t, "store: Trace(nil): leave the option out", func() { store.Trace(nil) })
}
