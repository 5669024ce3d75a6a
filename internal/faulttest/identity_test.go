package faulttest

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/store"
)

const (
	blindLine   = "does not say in INFO who it is"
	restartLine = "has restarted"
)

// moment is a fault that passes, after which Redis still has the same data.
type moment struct {
	name  string
	begin func(t *testing.T, p *place) (rdb redis.UniversalClient, strike, heal func())
}

func byProxy(trouble func(*redistest.Proxy)) func(t *testing.T, p *place) (redis.UniversalClient, func(), func()) {
	return func(t *testing.T, p *place) (redis.UniversalClient, func(), func()) {
		proxy := redistest.StartProxy(t, p.servers[0].Addr())
		rdb := redis.NewClient(&redis.Options{Addr: proxy.Addr()})
		t.Cleanup(func() { require.NoError(t, rdb.Close()) })
		return rdb, func() { trouble(proxy) }, proxy.Heal
	}
}

func byPassword(t *testing.T, p *place) (redis.UniversalClient, func(), func()) {
	u := p.newUser(t, "old")
	return p.client(t, u.as("old")), func() { u.rotate(t, "new") }, func() { u.set(t, ">old") }
}

var (
	momentsOnSingle = []moment{
		{"cut", byProxy((*redistest.Proxy).Cut)}, {"hanging", byProxy((*redistest.Proxy).Hang)}, {"wrong password", byPassword},
	}
	momentsOnCluster = []moment{
		{"paused", func(t *testing.T, p *place) (redis.UniversalClient, func(), func()) {
			each := func(f func(*redistest.Server)) func() {
				return func() {
					for _, s := range p.servers {
						f(s)
					}
				}
			}
			return p.client(t), each((*redistest.Server).Pause), each((*redistest.Server).Resume)
		}},
		{"wrong password", byPassword},
	}
)

// passes is how long a moment lasts: the masters are checked at least every 1.5 s.
const passes = 2 * time.Second

// Redis that was away for a moment is not taken for one that restarted, or that refuses to say who it is.
func TestAMomentWithoutRedisSaysNothingOfItsIdentity(t *testing.T) {
	both := map[string][]moment{"single": momentsOnSingle, "cluster": momentsOnCluster}
	for kind, moments := range both {
		for _, m := range moments {
			for _, when := range []string{"at the start", "in the middle"} {
				t.Run(kind+"/"+m.name+"/"+when, func(t *testing.T) {
					t.Parallel()
					p := single
					if kind == "cluster" {
						p = func(t *testing.T, _ ...string) *place { return cluster(t) }
					}
					theMoment(t, p(t), m, when == "at the start")
				})
			}
		}
	}
}

func theMoment(t *testing.T, p *place, m moment, atStart bool) {
	t.Helper()
	rdb, strike, heal := m.begin(t, p)
	if atStart {
		strike()
	}
	seen, src := redistest.NewLog(slog.LevelInfo), newTable("a", "b")
	st := join(t, rdb, redistest.Unique(t), store.Logger(seen.Logger()), store.Timeout(100*time.Millisecond))
	c := src.cached(st)
	if !atStart {
		warm(t, c, "a", "b")
		redistest.Eventually(t, "the feed is up", func() bool { return st.Stats().Feed.Up })
		strike()
	}
	live(t, c, passes)
	heal()
	back := took(func() bool { warmNow(t, c); return st.Stats().Feed.Up && st.Stats().Pending == 0 })
	live(t, c, passes) // so that the masters are checked again
	s := st.Stats()
	blind, restarts := seen.With(blindLine), seen.With(restartLine)
	t.Logf("%d lines of who it is, %d of a restart; blind %v, %d restarts, %d recalled; back after %d ms",
		len(blind), len(restarts), s.Recovery.Blind, s.Recovery.Restarts, s.Recovery.Recalled, back.Milliseconds())
	for _, one := range append(blind, restarts...) {
		t.Errorf("logged: %s", one.Text)
	}
	assert.False(t, s.Recovery.Blind)
	assert.Zero(t, s.Recovery.Restarts)
	if kind := t.Name(); !atStart || !strings.Contains(kind, "cluster") { // while new masters appear, evictions are repeated to be safe
		assert.Zero(t, s.Recovery.Recalled)
	}
}

// warmNow reads both keys once.
func warmNow(t *testing.T, c *cache) {
	t.Helper()
	_, err := c.GetAll(t.Context(), []string{"a", "b"})
	require.NoError(t, err)
}

// live reads and evicts for a while, with some callers.
func live(t *testing.T, c *cache, d time.Duration) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			tick := time.NewTicker(10 * time.Millisecond)
			defer tick.Stop()
			for n := 0; ctx.Err() == nil; n++ {
				_, err := c.GetAll(t.Context(), []string{"a", "b"})
				assert.NoError(t, err)
				if n%20 == 0 {
					_ = c.Evict(t.Context(), "a", "b") // it may be queued
				}
				<-tick.C
			}
		})
	}
	wg.Wait()
}

// That a user may not use INFO is logged once, with the reply of Redis, also where Redis was away at the start.
func TestAServerThatRefusesINFOIsToldOfOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, p *place) {
		for _, awayFirst := range []bool{false, true} {
			u := p.newUser(t, "secret", "-info")
			if awayFirst {
				u.rotate(t, "other")
			}
			seen, src := redistest.NewLog(slog.LevelInfo), newTable("a", "b")
			st := join(t, p.client(t, u.as("secret")), redistest.Unique(t), store.Logger(seen.Logger()))
			c := src.cached(st)
			if awayFirst {
				live(t, c, passes/2)
				u.set(t, ">secret")
			}
			redistest.Eventually(t, "it is logged", func() bool {
				warmNow(t, c)
				return st.Stats().Recovery.Blind
			})
			live(t, c, passes/2)
			lines := seen.With(blindLine)
			for _, one := range lines {
				t.Logf("away first %v: %s", awayFirst, one.Text)
			}
			assert.Len(t, lines, 1)
			for _, one := range lines {
				cause, _ := one.Attr("cause").Any().(error)
				assert.ErrorContains(t, cause, "NOPERM")
			}
			assert.Empty(t, seen.With(restartLine))
		}
	})
}
