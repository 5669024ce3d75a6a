package bench

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jollyjet/aside/cacheable"
	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/store"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
)

// trouble begins on a server, or on the way to it, and ends again.
type trouble struct{ begin, end func() }

var troubles = map[string]func(t *testing.T) (redis.UniversalClient, trouble){
	"killed": func(t *testing.T) (redis.UniversalClient, trouble) {
		s := redistest.Start(t)
		return s.Client(t), trouble{s.Kill, s.Restart}
	},
	"paused": func(t *testing.T) (redis.UniversalClient, trouble) {
		s := redistest.Start(t)
		return s.Client(t), trouble{s.Pause, s.Resume}
	},
	"slow": func(t *testing.T) (redis.UniversalClient, trouble) {
		p := redistest.StartProxy(t, redistest.Start(t).Addr())
		rdb := redis.NewClient(&redis.Options{Addr: p.Addr()})
		t.Cleanup(func() { require.NoError(t, rdb.Close()) })
		return rdb, trouble{func() { p.Delay(100 * time.Millisecond) }, p.Heal}
	},
	"refusing": func(t *testing.T) (redis.UniversalClient, trouble) {
		s := redistest.Start(t)
		admin := s.Client(t, func(o *redis.Options) { o.PoolSize, o.ConnMaxIdleTime, o.ConnMaxLifetime = 1, -1, -1 })
		do := func(args ...any) {
			if err := admin.Do(context.Background(), args...).Err(); err != nil && !errors.Is(err, redis.Nil) {
				t.Error(args, err)
			}
		}
		do("ping")
		return s.Client(t), trouble{
			func() {
				do("config", "set", "maxclients", "1")
				do("client", "kill", "type", "normal", "skipme", "yes")
				do("client", "kill", "type", "pubsub", "skipme", "yes")
			},
			func() { do("config", "set", "maxclients", "10000") },
		}
	},
}

// crowd reads keys of its own, each caller 64 of them, from a source that takes its time.
type crowd struct {
	cache *cacheable.Cacheable[int, string]
	bare  bool // reads go to the source alone

	mu   sync.Mutex
	took []time.Duration
}

const (
	crowdSize  = 200
	sourceTime = 20 * time.Millisecond
)

func loadSlowly(_ context.Context, k int) (string, error) {
	time.Sleep(sourceTime) // the source takes its time
	return strconv.Itoa(k), nil
}

// read has all callers read until the time is over, but once at least, and returns the median of a read.
func (c *crowd) read(t *testing.T, during time.Duration) time.Duration {
	t.Helper()
	c.took = nil
	var wg sync.WaitGroup
	until := time.Now().Add(during)
	for caller := range crowdSize {
		wg.Go(func() {
			var took []time.Duration
			for i := 0; i == 0 || time.Now().Before(until); i++ {
				began, k := time.Now(), caller*64+i%64
				var v string
				var err error
				if c.bare {
					v, err = loadSlowly(t.Context(), k)
				} else {
					v, err = c.cache.Get(t.Context(), k)
				}
				if err != nil || v != strconv.Itoa(k) {
					t.Errorf("read of %d: %q, %v", k, v, err)
				}
				took = append(took, time.Since(began))
			}
			c.mu.Lock()
			defer c.mu.Unlock()
			c.took = append(c.took, took...)
		})
	}
	wg.Wait()
	slices.Sort(c.took)
	return c.took[len(c.took)/2]
}

// Redis is killed, paused, slow, or refuses connections under 200 callers: no read fails, once the breaker is open the
// median read takes what the source takes, and when Redis is back so are the hits.
func TestOutage(t *testing.T) {
	for name, start := range troubles {
		t.Run(name, func(t *testing.T) {
			rdb, trouble := start(t)
			st := openBench(t, rdb, store.Timeout(50*time.Millisecond), store.BreakAfter(3))
			c := &crowd{cache: cacheable.New(st, "crowd", loadSlowly, cacheable.TTL(time.Hour))}
			c.read(t, 3*64*sourceTime/2) // fills the cache

			var open atomic.Bool
			trouble.begin()
			for deadline := time.Now().Add(10 * time.Second); !open.Load(); {
				c.read(t, 50*time.Millisecond) // nothing fails here either
				open.Store(len(st.Stats().Breakers.Open) > 0)
				require.True(t, time.Now().Before(deadline), "the breaker does not open")
			}
			added := time.Duration(1 << 62)
			var source time.Duration
			for range 3 { // in turn with the source alone; the best of three, for other work on the machine adds to either
				bare := (&crowd{bare: true}).read(t, 400*time.Millisecond)
				if with := c.read(t, 400*time.Millisecond); with-bare < added {
					added, source = with-bare, bare
				}
			}
			trouble.end()
			back := time.Now()
			require.Eventually(t, func() bool {
				_, info, err := c.cache.GetInfo(t.Context(), 7)
				require.NoError(t, err)
				return info.Source == cacheable.SourceHit
			}, 20*time.Second, time.Millisecond)
			t.Logf("a read of the source takes %v in the median; through the cache %v (%.1f %%) is added while Redis is away; hits %v after it is back",
				source, added, 100*added.Seconds()/source.Seconds(), time.Since(back).Round(time.Millisecond))
			if !raceEnabled {
				require.Less(t, added, source/10, "a machine that is busy adds to it")
			}
		})
	}
}
