package faulttest

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/cacheable"
	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/ratelimit"
	"github.com/jollyjet/aside/session"
	"github.com/jollyjet/aside/store"
)

// A call may take the time-out, and the slack for everything else.
const (
	hungTimeout = 300 * time.Millisecond
	hungSlack   = 100 * time.Millisecond
)

// hungPlace is a Redis with one server that hangs.
type hungPlace struct {
	namespace string
	hung      *redistest.Server
	client    func() redis.UniversalClient
	ofHung    []int // entries on that server, with a tag there, too
	tagOfHung []int // entries on another one, with a tag on that server
	living    []int // entries on another one, with a tag there, too
	token     string
	limited   string
}

func hungTag(k int) string { return "tag-" + strconv.Itoa(k) }

// hungNode is one process: a cache, sessions and a limit.
type hungNode struct {
	st *store.Store
	c  *cacheable.Many[int, int]
	m  *session.Manager[visits]
	l  *ratelimit.Limiter
}

func (p *hungPlace) node(t *testing.T, breakAfter int) *hungNode {
	t.Helper()
	n := &hungNode{
		st: storeOn(t, p.client(), p.namespace, store.Timeout(hungTimeout), store.BreakAfter(breakAfter)),
		m:  managerOn(t, p.client(), p.namespace, session.Timeout(hungTimeout)),
		l:  limiterOn(t, p.client(), p.namespace, 10_000, ratelimit.Timeout(hungTimeout), ratelimit.Breaker(breakAfter, time.Minute)),
	}
	n.c = cacheable.NewMany(n.st, "c", func(_ context.Context, keys []int) (map[int]int, error) {
		values := make(map[int]int, len(keys))
		for _, k := range keys {
			values[k] = k
		}
		return values, nil
	}, cacheable.TTL(time.Hour), cacheable.Tags(func(k int) []string { return []string{hungTag(k)} }))
	return n
}

// fill stores entries, a session and a limit, and finds out which server has them.
func (p *hungPlace) fill(t *testing.T, servers []*redistest.Server) *hungPlace {
	t.Helper()
	n, keys := p.node(t, 1000), make([]int, 60)
	for i := range keys {
		keys[i] = i
	}
	redistest.Eventually(t, "the feed", func() bool { return n.st.Stats().Feed.Up })
	redistest.Eventually(t, "all entries", func() bool {
		_, err := n.c.GetAll(t.Context(), keys)
		require.NoError(t, err)
		return n.st.Stats().Caches["c"].Hits >= int64(len(keys))
	})
	for _, s := range servers { // one without the versions of the cache and of the namespace, which all reads depend on
		versions := len(keysWith(t, s, p.namespace+":{#all")) + len(keysWith(t, s, p.namespace+":{#every"))
		if p.hung == nil && (len(servers) == 1 || versions == 0) {
			p.hung = s
		}
	}
	require.NotNil(t, p.hung)
	for _, k := range keys {
		entry := len(keysWith(t, p.hung, fmt.Sprintf("%s:{c:%d}", p.namespace, k))) > 0
		tag := len(keysWith(t, p.hung, fmt.Sprintf("%s:{#tag:%s}", p.namespace, hungTag(k)))) > 0
		switch {
		case entry:
			p.ofHung = append(p.ofHung, k)
		case tag:
			p.tagOfHung = append(p.tagOfHung, k)
		default:
			p.living = append(p.living, k)
		}
	}
	p.fillOthers(t, n)
	return p
}

// fillOthers looks for a session and a limit on the server that is to hang.
func (p *hungPlace) fillOthers(t *testing.T, n *hungNode) {
	t.Helper()
	for i := 0; p.token == "" || p.limited == ""; i++ {
		require.Less(t, i, 100)
		ctx, key := n.m.Attach(t.Context(), ""), fmt.Sprintf("limited-%02d", i)
		require.NoError(t, n.m.Create(ctx, visits{N: 1}))
		info, err := n.m.Info(ctx)
		require.NoError(t, err)
		if len(keysWith(t, p.hung, info.Handle)) > 0 {
			p.token, err = n.m.Token(ctx)
			require.NoError(t, err)
		}
		_, err = n.l.Allow(t.Context(), key)
		require.NoError(t, err)
		if len(keysWith(t, p.hung, key)) > 0 {
			p.limited = key
		}
	}
}

func hungCluster(t *testing.T) *hungPlace {
	c := redistest.StartCluster(t, "cluster-require-full-coverage no", "cluster-replica-no-failover yes")
	p := &hungPlace{namespace: redistest.Unique(t), client: func() redis.UniversalClient { return c.Client(t) }}
	p.fill(t, c.Nodes()[:3])
	require.NotEmpty(t, p.tagOfHung)
	require.NotEmpty(t, p.living)
	return p
}

func hungSingle(t *testing.T) *hungPlace {
	s := redistest.Start(t)
	p := &hungPlace{namespace: redistest.Unique(t), client: func() redis.UniversalClient { return s.Client(t) }}
	return p.fill(t, []*redistest.Server{s})
}

var hungPlaces = map[string]func(t *testing.T) *hungPlace{"cluster": hungCluster, "single": hungSingle}

// few are some of the keys, without the first two.
func few(keys []int) []int { return keys[min(2, len(keys)):min(4, len(keys))] }

// calls are all calls whose time is bounded.
func (p *hungPlace) calls(t *testing.T, n *hungNode) map[string]func() {
	ctx, some := t.Context(), slices.Concat(few(p.ofHung), few(p.tagOfHung), few(p.living))
	calls := map[string]func(){
		"Get of an entry there":       func() { _, _ = n.c.Get(ctx, p.ofHung[0]) },
		"GetAll":                      func() { _, _ = n.c.GetAll(ctx, some) },
		"Evict of an entry there":     func() { _ = n.c.Evict(ctx, p.ofHung[1]) },
		"Evict of several":            func() { _ = n.c.Evict(ctx, some...) },
		"Get of a session":            func() { _, _ = n.m.Get(n.m.Attach(ctx, p.token)) },
		"Update of a session":         func() { _ = n.m.Update(n.m.Attach(ctx, p.token), visit) },
		"Allow":                       func() { _, _ = n.l.Allow(ctx, p.limited) },
		"Get of an entry not present": func() { _, _ = n.c.Get(ctx, -1) },
	}
	if len(p.tagOfHung) > 0 {
		calls["Get of an entry elsewhere, with a tag there"] = func() { _, _ = n.c.Get(ctx, p.tagOfHung[0]) }
		calls["Get of an entry elsewhere"] = func() { _, _ = n.c.Get(ctx, p.living[0]) }
	}
	return calls
}

// timed makes all calls at the same time, and reports how long each took.
func timed(calls map[string]func()) map[string]time.Duration {
	var mu sync.Mutex
	var all sync.WaitGroup
	took := map[string]time.Duration{}
	for name, call := range calls {
		all.Go(func() {
			began := time.Now()
			call()
			mu.Lock()
			defer mu.Unlock()
			took[name] = time.Since(began)
		})
	}
	all.Wait()
	return took
}

// No call takes longer than the time-out, also where it has to connect first: the best of three runs counts.
func TestHungServerCostsTheTimeoutAtMost(t *testing.T) {
	for place, start := range hungPlaces {
		for _, warm := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, connections: %t", place, warm), func(t *testing.T) {
				p := start(t)
				best, worst := map[string]time.Duration{}, map[string]time.Duration{}
				for run := 0; run < 3 && (run == 0 || slices.Max(slices.Collect(maps.Values(best))) > hungTimeout+hungSlack); run++ {
					for name, d := range p.run(t, warm) {
						if b, ok := best[name]; !ok || d < b {
							best[name] = d
						}
						worst[name] = max(worst[name], d)
					}
				}
				for _, name := range slices.Sorted(maps.Keys(best)) {
					t.Logf("%-45s %7v at best, %7v at worst", name, best[name].Round(time.Millisecond), worst[name].Round(time.Millisecond))
					assert.LessOrEqual(t, best[name], hungTimeout+hungSlack, name)
				}
			})
		}
	}
}

// run hangs the server, and times all calls of a new node. No breaker opens, so that no call is quick because of it.
func (p *hungPlace) run(t *testing.T, warm bool) map[string]time.Duration {
	t.Helper()
	n := p.node(t, 1000)
	if warm {
		for range 2 {
			timed(p.calls(t, n))
		}
	}
	p.hung.Pause()
	defer p.hung.Resume()
	return timed(p.calls(t, n))
}
