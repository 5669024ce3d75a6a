package cacheable_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
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

// hour is a source that records the times of its loads.
type hour struct {
	loads []time.Time
	down  bool
	takes time.Duration
}

func (h *hour) load(context.Context, string) (int, error) {
	h.loads = append(h.loads, time.Now())
	time.Sleep(h.takes)
	if h.down {
		return 0, errDown
	}
	return len(h.loads), nil
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

		for _, c := range []*cacheable.Cacheable[string, int64]{one, two} { // their readings of Redis's clock differ a little
			require.Eventually(t, func() bool {
				v, info, err := c.GetInfo(t.Context(), "k")
				require.NoError(t, err)
				require.EqualValues(t, 1, v)
				return info.Source == cacheable.SourceStale
			}, 10*time.Second, time.Millisecond)
		}
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

// The source is down for an hour: every read is answered, and the whole fleet asks the source at most once a second.
func TestFailSafeForAnHour(t *testing.T) {
	redistest.Bubble(t, func(t *testing.T, rdb redis.UniversalClient) {
		h, namespace := &hour{}, redistest.Unique(t)
		var nodes []*cacheable.Cacheable[string, int]
		for range 2 {
			nodes = append(nodes, cacheable.New(openIn(t, rdb, namespace), "safe", h.load,
				cacheable.TTL(time.Minute), cacheable.Jitter(0), cacheable.FailSafe(2*time.Hour)))
		}
		_, err := nodes[0].Get(t.Context(), "k")
		require.NoError(t, err)
		h.down = true
		stale := 0
		reads := 0
		for began := time.Now(); time.Since(began) < time.Hour; time.Sleep(700 * time.Millisecond) {
			v, info, err := nodes[reads%2].GetInfo(t.Context(), "k")
			require.NoError(t, err)
			require.Equal(t, 1, v)
			reads++
			if info.Source == cacheable.SourceStale {
				stale++
			}
		}
		require.GreaterOrEqual(t, stale, reads*59/60-1, "all but those of the first minute")
		require.Greater(t, len(h.loads), 2000, "the source is asked now and then")
		for i, at := range h.loads[2:] {
			require.GreaterOrEqual(t, at.Sub(h.loads[i+1]), time.Second, "load %d", i+2)
		}
		h.down = false
		time.Sleep(2 * time.Second)
		for _, c := range nodes {
			_, info, err := c.GetInfo(t.Context(), "k")
			require.NoError(t, err)
			require.NotEqual(t, cacheable.SourceStale, info.Source)
		}
	})
}

// An entry that is expired once more while a read waits for another's load is no sign that a load has failed.
func TestExpiredTwiceIsNoFailure(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		namespace, value, finish := redistest.Unique(t), atomic.Int64{}, make(chan struct{})
		one, two := openIn(t, rdb, namespace), openIn(t, rdb, namespace)
		options := []cacheable.Option{cacheable.TTL(time.Hour), cacheable.FailSafe(time.Hour)}
		load := func(context.Context, string) (int64, error) { return value.Load(), nil }
		slow := cacheable.New(one, "safe", func(ctx context.Context, key string) (int64, error) {
			seen := value.Load()
			if seen == 1 {
				<-finish
			}
			return seen, nil
		}, options...)
		quick := cacheable.New(two, "safe", load, options...)
		_, err := quick.Get(t.Context(), "k")
		require.NoError(t, err)

		value.Store(1)
		require.NoError(t, quick.Expire(t.Context(), "k"))
		loading := async(func() (int64, error) { return slow.Get(t.Context(), "k") })
		eventually(t, "the load", func() bool {
			return rdb.Exists(t.Context(), quick.EntryKey("k").String()+":r").Val() == 1
		})
		waiting := async(func() (int64, error) { return quick.Get(t.Context(), "k") })
		eventually(t, "the wait", func() bool { return two.Stats().Caches["safe"].Waits == 1 })

		value.Store(2)
		require.NoError(t, quick.Expire(t.Context(), "k"))
		time.Sleep(200 * time.Millisecond) // whoever waits looks again meanwhile
		close(finish)
		v, err := waiting.wait(t)
		require.NoError(t, err)
		require.NotZero(t, v, "it began after version 1 was written, and no load has failed")
		_, err = loading.wait(t)
		require.NoError(t, err)
		v, err = quick.Get(t.Context(), "k")
		require.NoError(t, err)
		require.EqualValues(t, 2, v)
	})
}
