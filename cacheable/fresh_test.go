package cacheable_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/cacheable"
	"github.com/jollyjet/aside/internal/redistest"
)

var errDown = errors.New("the source is down")

// moody is a source that can be slow or down.
type moody struct {
	loads atomic.Int64
	down  atomic.Bool
	delay atomic.Int64
}

func (m *moody) load(ctx context.Context, _ string) (int64, error) {
	n := m.loads.Add(1)
	if d := time.Duration(m.delay.Load()); d > 0 {
		select {
		case <-time.After(d):
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
	if m.down.Load() {
		return 0, errDown
	}
	return n, nil
}

// Two nodes read a value all the time: it is loaded again before its time is over, by one of them, and nobody waits. Its
// time is long, so that it does not end where a busy machine is late; see TestRefreshAheadForAnHour for the times.
func TestRefreshAhead(t *testing.T) {
	const ttl, cost = 4 * time.Minute, 40 * time.Millisecond
	for name, option := range map[string]cacheable.Option{
		"RefreshAhead": cacheable.RefreshAhead(0.001), "EarlyRefresh": cacheable.EarlyRefresh(1000),
	} {
		t.Run(name, func(t *testing.T) {
			redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
				m, running, namespace := &moody{}, meter{}, redistest.Unique(t)
				m.delay.Store(int64(cost))
				load := func(ctx context.Context, key string) (int64, error) {
					running.enter()
					defer running.leave()
					return m.load(ctx, key)
				}
				var nodes []*cacheable.Cacheable[string, int64]
				for range 2 {
					nodes = append(nodes, cacheable.New(openIn(t, rdb, namespace), "ahead", load, cacheable.TTL(ttl), cacheable.Jitter(0), option))
				}
				_, err := nodes[0].Get(t.Context(), "k")
				require.NoError(t, err)
				var wg sync.WaitGroup
				until := time.Now().Add(15 * time.Second)
				var waited atomic.Int64
				for i := range 8 {
					wg.Go(func() {
						for m.loads.Load() < 4 && time.Now().Before(until) {
							_, info, err := nodes[i%2].GetInfo(t.Context(), "k")
							assert.NoError(t, err)
							if info.Source != cacheable.SourceHit {
								waited.Add(1)
							}
						}
					})
				}
				wg.Wait()
				require.Zero(t, waited.Load(), "reads that waited for a load")
				require.GreaterOrEqual(t, m.loads.Load(), int64(4))
				require.EqualValues(t, 1, running.most.Load(), "loads at the same time, in the whole fleet")
			})
		})
	}
}

// A refresh that fails leaves the value, and is not tried again at once.
func TestRefreshAheadBacksOff(t *testing.T) {
	m, st := &moody{}, openStore(t, miniClient(t))
	c := cacheable.New(st, "ahead", m.load, cacheable.TTL(time.Hour), cacheable.RefreshAhead(0.0000001))
	_, err := c.Get(t.Context(), "k")
	require.NoError(t, err)
	m.down.Store(true)
	require.Eventually(t, func() bool {
		v, err := c.Get(t.Context(), "k")
		require.NoError(t, err)
		require.EqualValues(t, 1, v)
		return st.Stats().Caches["ahead"].Unrefreshed == 1
	}, 10*time.Second, time.Millisecond)
	for range 200 {
		_, err := c.Get(t.Context(), "k")
		require.NoError(t, err)
	}
	require.EqualValues(t, 2, m.loads.Load())
}

func TestFailSafe(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		m, namespace := &moody{}, redistest.Unique(t)
		options := []cacheable.Option{
			cacheable.TTL(50 * time.Millisecond), cacheable.Jitter(0), cacheable.FailSafe(time.Hour),
		}
		one := cacheable.New(openIn(t, rdb, namespace), "safe", m.load, options...)
		two := cacheable.New(openIn(t, rdb, namespace), "safe", m.load, options...)
		_, err := one.Get(t.Context(), "k")
		require.NoError(t, err)
		m.down.Store(true)

		require.Eventually(t, func() bool {
			v, info, err := one.GetInfo(t.Context(), "k")
			require.NoError(t, err)
			require.EqualValues(t, 1, v)
			return info.Source == cacheable.SourceStale
		}, 10*time.Second, time.Millisecond)
		began, tried := time.Now(), m.loads.Load()
		for range 100 {
			for _, c := range []*cacheable.Cacheable[string, int64]{one, two} {
				v, info, err := c.GetInfo(t.Context(), "k")
				require.NoError(t, err)
				require.EqualValues(t, 1, v)
				require.Equal(t, cacheable.SourceStale, info.Source)
				require.Positive(t, info.Age)
			}
		}
		most := 1 + int64(time.Since(began)/time.Second)
		require.LessOrEqual(t, m.loads.Load()-tried, most, "a source that fails is left alone for a second, by all")

		require.NoError(t, two.Evict(t.Context(), "k"))
		_, err = one.Get(t.Context(), "k")
		require.ErrorIs(t, err, errDown, "what was evicted is no fallback")
	})
}

func TestExpireKeepsTheFallback(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		m, st := &moody{}, openStore(t, rdb)
		c := cacheable.New(st, "safe", m.load, cacheable.TTL(time.Hour), cacheable.FailSafe(time.Hour))
		_, err := c.Get(t.Context(), "k")
		require.NoError(t, err)
		require.NoError(t, c.Expire(t.Context(), "k"))
		v, info, err := c.GetInfo(t.Context(), "k")
		require.NoError(t, err)
		require.EqualValues(t, 2, v, "the next read loads")
		require.Equal(t, cacheable.SourceMiss, info.Source)

		m.down.Store(true)
		require.NoError(t, c.Expire(t.Context(), "k", "never there"))
		v, info, err = c.GetInfo(t.Context(), "k")
		require.NoError(t, err)
		require.EqualValues(t, 2, v)
		require.Equal(t, cacheable.SourceStale, info.Source)
	})
}

// A slow load does not make a caller wait who can have a stale value; what it loads is stored all the same.
func TestSoftTimeout(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		st, loads, finish := openStore(t, rdb), atomic.Int64{}, make(chan struct{})
		c := cacheable.New(st, "soft", func(context.Context, string) (int64, error) {
			n := loads.Add(1)
			if n > 1 {
				<-finish
			}
			return n, nil
		}, cacheable.TTL(time.Hour), cacheable.FailSafe(time.Hour), cacheable.SoftTimeout(20*time.Millisecond))
		_, err := c.Get(t.Context(), "k")
		require.NoError(t, err)
		require.NoError(t, c.Expire(t.Context(), "k"))
		v, info, err := c.GetInfo(t.Context(), "k")
		require.NoError(t, err)
		require.EqualValues(t, 1, v)
		require.Equal(t, cacheable.SourceStale, info.Source)
		close(finish)
		eventually(t, "the value that was loaded", func() bool {
			v, info, err := c.GetInfo(t.Context(), "k")
			return err == nil && v == 2 && info.Source == cacheable.SourceHit
		})
		require.EqualValues(t, 2, loads.Load())
	})
}

func TestTTLOfAndBypass(t *testing.T) {
	type ctxKey struct{}
	m, st := &moody{}, openStore(t, miniClient(t))
	c := cacheable.New(st, "ttl", m.load, cacheable.Jitter(0),
		cacheable.TTLOf(func(key string, _ int64) time.Duration {
			if key == "never" {
				return 0
			}
			return time.Hour
		}),
		cacheable.Bypass(func(ctx context.Context) bool { return ctx.Value(ctxKey{}) != nil }))
	for range 2 {
		_, err := c.Get(t.Context(), "never")
		require.NoError(t, err)
		_, err = c.Get(t.Context(), "kept")
		require.NoError(t, err)
	}
	require.EqualValues(t, 3, m.loads.Load())
	_, info, err := c.GetInfo(context.WithValue(t.Context(), ctxKey{}, true), "kept")
	require.NoError(t, err)
	require.Equal(t, cacheable.SourceBypass, info.Source)
	require.EqualValues(t, 4, m.loads.Load())
}
