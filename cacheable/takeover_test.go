package cacheable_test

import (
	"context"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/cacheable"
	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/store"
)

// A process is killed while its loader runs. A caller that waits on another node takes over when the lease has
// expired. Even the shorter lease is long enough for the other process to renew it on a busy machine.
func TestTheLoadOfAKilledProcessIsTakenOver(t *testing.T) {
	for _, lease := range []time.Duration{1500 * time.Millisecond, 3 * time.Second} {
		t.Run(lease.String(), func(t *testing.T) {
			server := redistest.Start(t)
			rdb, namespace := server.Client(t), redistest.Unique(t)
			st, src := join(t, rdb, namespace, store.LeaseTime(lease)), source{}
			src.value.Store(5)
			c := cacheable.New(st, "c", src.load)
			other := startChild(t, server.Addr(), namespace, lease)

			call := async(func() (int64, error) { return c.Get(t.Context(), "k") })
			eventually(t, "the wait", func() bool { return st.Stats().Caches["c"].Waits == 1 })
			require.Zero(t, src.loads.Load())
			other.kill()
			began := time.Now()
			left, err := rdb.PTTL(t.Context(), c.EntryKey("k").String()).Result()
			require.NoError(t, err)
			require.Zero(t, src.loads.Load())
			v, err := call.wait(t)
			took := time.Since(began)
			require.NoError(t, err)
			require.EqualValues(t, 5, v)
			require.EqualValues(t, 1, src.loads.Load())
			t.Logf("taken over after %v, with a lease of %v", took, lease)
			require.Less(t, took, lease+5*time.Second)
			require.GreaterOrEqual(t, took, left-time.Millisecond, "not before the lease has run out")
		})
	}
}

// A loader keeps its lease as long as it runs, whatever the lease time. The clock is a fake: a busy machine might be
// late.
func TestALoaderSlowerThanTheLeaseKeepsIt(t *testing.T) {
	const lease = 400 * time.Millisecond
	redistest.Bubble(t, func(t *testing.T, rdb redis.UniversalClient) {
		stores, src := fleet(t, rdb, 2, store.LeaseTime(lease)), source{}
		slow := func(ctx context.Context, key string) (int64, error) {
			time.Sleep(5 * lease)
			return src.load(ctx, key)
		}
		a, b := cacheable.New(stores[0], "c", slow), cacheable.New(stores[1], "c", slow)
		first := async(func() (int64, error) { return a.Get(t.Context(), "k") })
		second := async(func() (int64, error) { return b.Get(t.Context(), "k") })
		for _, call := range []*pending[int64]{first, second} {
			_, err := call.wait(t)
			require.NoError(t, err)
		}
		require.EqualValues(t, 1, src.loads.Load())
		for _, st := range stores {
			require.Zero(t, st.Stats().Caches["c"].Refused)
		}
	})
}

// A process that stops for longer than its lease has lost it. Its value is not stored, and not given to callers that
// came after the next load began.
func TestAResultThatComesAfterTheLeaseIsRefused(t *testing.T) {
	server := redistest.Start(t)
	proxy := redistest.StartProxy(t, server.Addr())
	namespace, src := redistest.Unique(t), source{}
	cut := join(t, client(t, proxy.Addr()), namespace, store.LeaseTime(100*time.Millisecond), store.Timeout(200*time.Millisecond))
	whole := join(t, server.Client(t), namespace, store.LeaseTime(100*time.Millisecond))
	loading, finish := make(chan struct{}), make(chan struct{})
	a := cacheable.New(cut, "c", func(ctx context.Context, key string) (int64, error) {
		v, err := src.load(ctx, key)
		close(loading)
		<-finish
		return v, err
	})
	b := cacheable.New(whole, "c", src.load)

	first := async(func() (int64, error) { return a.Get(t.Context(), "k") })
	within(t, "the load", loading)
	proxy.Cut()
	src.value.Store(1)
	v, err := b.Get(t.Context(), "k")
	require.NoError(t, err)
	require.EqualValues(t, 1, v)
	proxy.Heal()
	close(finish)
	v, err = first.wait(t)
	require.NoError(t, err)
	require.Zero(t, v, "it asked before the change")
	v, err = b.Get(t.Context(), "k")
	require.NoError(t, err)
	require.EqualValues(t, 1, v)
}
