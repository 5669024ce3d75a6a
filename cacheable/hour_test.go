package cacheable_test

import (
	"context"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/cacheable"
	"github.com/jollyjet/aside/internal/redistest"
)

// hour is a source that keeps a diary of its loads.
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

// The source is down for an hour: every read is answered, and it is asked no more than once a second by the whole fleet.
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

// Three nodes read a value for an hour, of which each load takes a fifth of a second. After the first no read takes any
// time, and each period has one load.
func TestRefreshAheadForAnHour(t *testing.T) {
	const ttl = time.Minute
	for name, tt := range map[string]struct {
		option   cacheable.Option
		earliest time.Duration // of a load after the one before it
	}{
		"RefreshAhead": {cacheable.RefreshAhead(0.8), ttl * 8 / 10},
		"EarlyRefresh": {cacheable.EarlyRefresh(10), 0}, // at random
	} {
		t.Run(name, func(t *testing.T) {
			redistest.Bubble(t, func(t *testing.T, rdb redis.UniversalClient) {
				h, namespace := &hour{takes: 200 * time.Millisecond}, redistest.Unique(t)
				var nodes []*cacheable.Cacheable[string, int]
				for range 3 {
					nodes = append(nodes, cacheable.New(openIn(t, rdb, namespace), "ahead", h.load,
						cacheable.TTL(ttl), cacheable.Jitter(0), tt.option))
				}
				_, err := nodes[0].Get(t.Context(), "k")
				require.NoError(t, err)
				for began := time.Now(); time.Since(began) < time.Hour; time.Sleep(420 * time.Millisecond) {
					for _, c := range nodes {
						_, info, err := c.GetInfo(t.Context(), "k")
						require.NoError(t, err)
						require.Equal(t, cacheable.SourceHit, info.Source, "nobody waits for a load")
						require.Zero(t, info.Took)
						require.LessOrEqual(t, info.Age, ttl)
					}
				}
				require.GreaterOrEqual(t, len(h.loads), int(time.Hour/ttl))
				for i, at := range h.loads[1:] {
					require.GreaterOrEqual(t, at.Sub(h.loads[i]), tt.earliest, "load %d", i+1)
				}
				if tt.earliest == 0 {
					require.LessOrEqual(t, len(h.loads), 2*int(time.Hour/ttl))
				}
			})
		})
	}
}
