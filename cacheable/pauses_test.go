package cacheable_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/cacheable"
	"github.com/jollyjet/aside/internal/redistest"
)

// outage is a source that counts its loads, and is down at times.
type outage struct {
	loads  atomic.Int64
	down   atomic.Bool
	during func() // a load; may be nil
}

func (o *outage) load(_ context.Context, keys []string) (map[string]int64, error) {
	n := o.loads.Add(1)
	if o.during != nil {
		o.during()
	}
	if o.down.Load() {
		return nil, errDown
	}
	values := make(map[string]int64)
	for _, key := range keys {
		values[key] = n
	}
	return values, nil
}

type outages = cacheable.Many[string, int64]

// both are the ways to read.
var both = map[string]func(ctx context.Context, c *outages) (int64, error){
	"Get": func(ctx context.Context, c *outages) (int64, error) { return c.Get(ctx, "k") },
	"GetAll": func(ctx context.Context, c *outages) (int64, error) {
		values, err := c.GetAll(ctx, []string{"k"})
		return values["k"], err
	},
}

// eachWay runs a test with two nodes of one cache, the second with more options, for both ways to read.
func eachWay(t *testing.T, test func(t *testing.T, rdb redis.UniversalClient, o *outage, nodes []*outages, read func(c *outages) (int64, error)), options []cacheable.Option, more ...cacheable.Option) {
	for name, way := range both {
		t.Run(name, func(t *testing.T) {
			redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
				o, stores := &outage{}, fleet(t, rdb, 2)
				options = append([]cacheable.Option{cacheable.TTL(time.Hour), cacheable.Jitter(0)}, options...)
				nodes := []*outages{
					cacheable.NewMany(stores[0], "c", o.load, options...),
					cacheable.NewMany(stores[1], "c", o.load, append(options[:len(options):len(options)], more...)...),
				}
				test(t, rdb, o, nodes, func(c *outages) (int64, error) { return way(t.Context(), c) })
			})
		})
	}
}

// alwaysDue has each read of a value load it ahead of time.
var alwaysDue = cacheable.RefreshAhead(0.0000001)

// untilPaused reads until a refresh has failed on the node.
func untilPaused(t *testing.T, o *outage, c *outages, read func(c *outages) (int64, error)) {
	o.down.Store(true)
	before := c.Store().Stats().Caches["c"].Unrefreshed
	eventually(t, "a refresh that fails", func() bool {
		_, err := read(c)
		require.NoError(t, err)
		return c.Store().Stats().Caches["c"].Unrefreshed > before
	})
}

// After a refresh that failed the source is left alone for a while, but only where a fresh value is there: once it is
// expired it is loaded again at once, on all nodes, and stored.
func TestARefreshThatFailedDoesNotPauseLoadsOfWhatIsExpired(t *testing.T) {
	for name, options := range map[string][]cacheable.Option{
		"FailSafe": {cacheable.FailSafe(time.Hour)}, "without FailSafe": nil,
	} {
		t.Run(name, func(t *testing.T) {
			eachWay(t, func(t *testing.T, _ redis.UniversalClient, o *outage, nodes []*outages, read func(c *outages) (int64, error)) {
				_, err := read(nodes[0])
				require.NoError(t, err)
				untilPaused(t, o, nodes[1], read)
				o.down.Store(false)
				require.NoError(t, nodes[1].Expire(t.Context(), "k"))
				before := o.loads.Load()
				for range 100 {
					v, err := read(nodes[0])
					require.NoError(t, err)
					require.Equal(t, before+1, v, "loaded once after the value was expired")
				}
				require.Equal(t, before+1, o.loads.Load())
				require.NoError(t, nodes[1].Expire(t.Context(), "k"))
				v, err := read(nodes[1])
				require.NoError(t, err)
				require.Greater(t, v, before+1)
			}, options, alwaysDue)
		})
	}
}

// What changes the value, on any node, ends the pause of its refreshes.
func TestANewValueIsRefreshedThoughTheOldOneIsPaused(t *testing.T) {
	for name, change := range map[string]func(t *testing.T, c *outages){
		"evicted and loaded": func(t *testing.T, c *outages) {
			require.NoError(t, c.Evict(t.Context(), "k"))
			_, err := c.Get(t.Context(), "k")
			require.NoError(t, err)
		},
		"put": func(t *testing.T, c *outages) { require.NoError(t, c.Put(t.Context(), "k", 7)) },
	} {
		t.Run(name, func(t *testing.T) {
			eachWay(t, func(t *testing.T, _ redis.UniversalClient, o *outage, nodes []*outages, read func(c *outages) (int64, error)) {
				_, err := read(nodes[0])
				require.NoError(t, err)
				untilPaused(t, o, nodes[1], read)
				o.down.Store(false)
				change(t, nodes[0])
				before, began := o.loads.Load(), time.Now()
				eventually(t, "a refresh", func() bool {
					_, err := read(nodes[1])
					require.NoError(t, err)
					return o.loads.Load() > before
				})
				require.Less(t, time.Since(began), 900*time.Millisecond, "the pause is a second")
			}, nil, alwaysDue)
		})
	}
}

// A load of a stale value that failed does not pause refreshes of the one that is stored next.
func TestALoadThatFailedPausesNothingButItsVersion(t *testing.T) {
	eachWay(t, func(t *testing.T, _ redis.UniversalClient, o *outage, nodes []*outages, read func(c *outages) (int64, error)) {
		_, err := read(nodes[0])
		require.NoError(t, err)
		o.down.Store(true)
		require.NoError(t, nodes[0].Expire(t.Context(), "k"))
		for _, c := range nodes {
			v, err := read(c)
			require.NoError(t, err)
			require.EqualValues(t, 1, v)
		}
		require.EqualValues(t, 2, o.loads.Load(), "one for both")
		o.down.Store(false)
		require.NoError(t, nodes[0].Expire(t.Context(), "k")) // once more: what failed is another version
		v, err := read(nodes[1])
		require.NoError(t, err)
		require.EqualValues(t, 3, v)
	}, []cacheable.Option{cacheable.FailSafe(time.Hour)})
}

// A cooldown counts only for who has something to answer with meanwhile: others load, and store what they load.
func TestACooldownIsForThoseWhoCanFallBack(t *testing.T) {
	for name, way := range both {
		t.Run(name, func(t *testing.T) {
			redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
				o, stores := &outage{}, fleet(t, rdb, 2)
				safe := cacheable.NewMany(stores[0], "c", o.load, cacheable.TTL(time.Hour), cacheable.FailSafe(time.Hour))
				bare := cacheable.NewMany(stores[1], "c", o.load, cacheable.TTL(time.Hour))
				_, err := way(t.Context(), safe)
				require.NoError(t, err)
				require.NoError(t, safe.Expire(t.Context(), "k"))
				o.down.Store(true)
				_, err = way(t.Context(), safe)
				require.NoError(t, err, "stale")
				o.down.Store(false)
				for range 50 {
					v, err := way(t.Context(), bare)
					require.NoError(t, err)
					require.EqualValues(t, 3, v)
				}
				require.EqualValues(t, 3, o.loads.Load())
			})
		})
	}
}

// A cooldown of an older program is about no version. It lasts up to five minutes, so it keeps nobody from anything.
func TestACooldownOfAnOlderProgramPausesNothing(t *testing.T) {
	eachWay(t, func(t *testing.T, rdb redis.UniversalClient, o *outage, nodes []*outages, read func(c *outages) (int64, error)) {
		_, err := read(nodes[0])
		require.NoError(t, err)
		require.NoError(t, nodes[0].Expire(t.Context(), "k"))
		addr := nodes[0].EntryKey("k").String() + ":r"
		require.NoError(t, rdb.Set(t.Context(), addr, "\xa5\x01C", time.Minute).Err())
		for range 20 {
			v, err := read(nodes[0])
			require.NoError(t, err)
			require.EqualValues(t, 2, v)
		}
		require.EqualValues(t, 2, o.loads.Load())
	}, []cacheable.Option{cacheable.FailSafe(time.Hour)})
}

// maxStale counts from the moment at which the value stopped being fresh. The reader's own option is what counts; the
// stale copy is not kept for longer than it was to be kept.
func TestFailSafeIsBoundedAfterExpire(t *testing.T) {
	const maxStale = 300 * time.Millisecond
	eachWay(t, func(t *testing.T, _ redis.UniversalClient, o *outage, nodes []*outages, read func(c *outages) (int64, error)) {
		_, err := read(nodes[0])
		require.NoError(t, err)
		o.down.Store(true)
		began := time.Now()
		require.NoError(t, nodes[1].Expire(t.Context(), "k"))
		ended := time.Now()
		for last := 0; ; last++ {
			asked := time.Now()
			_, err := read(nodes[0])
			if err != nil {
				require.ErrorIs(t, err, errDown)
				require.Greater(t, time.Since(began), maxStale-50*time.Millisecond, "it could still be used")
				break
			}
			require.Less(t, asked.Sub(ended), maxStale+50*time.Millisecond, "too old")
		}
		require.NoError(t, nodes[1].Expire(t.Context(), "k"))
		_, err = read(nodes[0])
		require.ErrorIs(t, err, errDown, "expired once more is not fresh once more")
	}, []cacheable.Option{cacheable.FailSafe(maxStale)}, cacheable.FailSafe(time.Hour))
}

// stored with a longer bound, read with a shorter one: after the time to live has ended by itself too.
func TestFailSafeIsBoundedByTheReader(t *testing.T) {
	const ttl, maxStale = 200 * time.Millisecond, 300 * time.Millisecond
	eachWay(t, func(t *testing.T, _ redis.UniversalClient, o *outage, nodes []*outages, read func(c *outages) (int64, error)) {
		began := time.Now()
		_, err := read(nodes[1]) // stores it for an hour more
		require.NoError(t, err)
		stored := time.Now()
		o.down.Store(true)
		eventually(t, "the end of its use", func() bool {
			asked := time.Now()
			_, err := read(nodes[0])
			if err == nil {
				require.Less(t, asked.Sub(stored), ttl+maxStale+50*time.Millisecond, "too old")
				return false
			}
			require.Greater(t, time.Since(began), ttl+maxStale-50*time.Millisecond)
			return true
		})
		v, err := read(nodes[1])
		require.NoError(t, err, "this one may use it for longer")
		require.EqualValues(t, 1, v)
	}, []cacheable.Option{cacheable.TTL(ttl), cacheable.FailSafe(maxStale)}, cacheable.FailSafe(time.Hour))
}

// In Redis, a stale copy is not kept for longer than it was to be kept beyond its time to live.
func TestAnExpiredValueIsNotKeptForLong(t *testing.T) {
	for _, maxStale := range []time.Duration{0, 10 * time.Minute} {
		t.Run(maxStale.String(), func(t *testing.T) {
			redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
				o, options := &outage{}, []cacheable.Option{cacheable.TTL(time.Hour)}
				if maxStale > 0 {
					options = append(options, cacheable.FailSafe(maxStale))
				}
				c := cacheable.NewMany(open(t, rdb), "c", o.load, options...)
				_, err := c.Get(t.Context(), "k")
				require.NoError(t, err)
				require.NoError(t, c.Expire(t.Context(), "k"))
				left, err := rdb.PTTL(t.Context(), c.EntryKey("k").String()).Result()
				require.NoError(t, err)
				if maxStale > 0 {
					require.InDelta(t, maxStale.Seconds(), left.Seconds(), 5)
				}
				require.NoError(t, c.Expire(t.Context(), "k"))
				again, err := rdb.PTTL(t.Context(), c.EntryKey("k").String()).Result()
				require.NoError(t, err)
				require.LessOrEqual(t, again, left)
			})
		})
	}
}

// A load that takes longer than its value can be used for ends without it.
func TestAStaleAnswerIsNotUsedAfterItsBound(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		m, st := &moody{}, open(t, rdb)
		c := cacheable.New(st, "c", m.load, cacheable.TTL(time.Hour), cacheable.FailSafe(100*time.Millisecond))
		_, err := c.Get(t.Context(), "k")
		require.NoError(t, err)
		require.NoError(t, c.Expire(t.Context(), "k"))
		m.down.Store(true)
		m.delay.Store(int64(200 * time.Millisecond))
		_, err = c.Get(t.Context(), "k")
		require.ErrorIs(t, err, errDown)
	})
}

// SoftTimeout answers with a stale value before its bound, or not at all.
func TestSoftTimeoutAnswersWithinTheBound(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		m, st := &moody{}, open(t, rdb)
		c := cacheable.New(st, "c", m.load, cacheable.TTL(time.Hour), cacheable.FailSafe(500*time.Millisecond), cacheable.SoftTimeout(time.Minute))
		_, err := c.Get(t.Context(), "k")
		require.NoError(t, err)
		require.NoError(t, c.Expire(t.Context(), "k"))
		m.delay.Store(int64(3 * time.Second))
		began := time.Now()
		v, err := c.Get(t.Context(), "k")
		require.NoError(t, err)
		require.EqualValues(t, 1, v)
		require.Less(t, time.Since(began), 2*time.Second)
	})
}

// Where Redis does not take the cooldown, the process that has seen the failure leaves the source alone all the same.
func TestAProcessPausesThoughRedisTakesNoCooldown(t *testing.T) {
	for name, way := range both {
		t.Run(name, func(t *testing.T) {
			server, o := redistest.Start(t), &outage{}
			rdb := server.Client(t)
			c := cacheable.NewMany(open(t, rdb), "c", o.load, cacheable.TTL(time.Hour), cacheable.FailSafe(time.Hour))
			_, err := way(t.Context(), c)
			require.NoError(t, err)
			require.NoError(t, c.Expire(t.Context(), "k"))
			o.down.Store(true)
			require.NoError(t, rdb.ConfigSet(t.Context(), "maxmemory", "1").Err())
			began := time.Now()
			for range 100 {
				v, err := way(t.Context(), c)
				require.NoError(t, err)
				require.EqualValues(t, 1, v)
			}
			require.LessOrEqual(t, o.loads.Load()-1, 1+int64(time.Since(began)/time.Second))
		})
	}
}
