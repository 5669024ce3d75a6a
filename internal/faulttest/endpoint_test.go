package faulttest

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/ratelimit"
	"github.com/jollyjet/aside/session"
)

// endpoint is an address behind which the servers change, as behind a DNS name, a Kubernetes Service or a managed primary
// endpoint: new connections lead to the new server, and old ones stay.
type endpoint struct {
	*redistest.Proxy
	a, b *redistest.Server // A is the first master, B its replica
}

func newEndpoint(t *testing.T) *endpoint {
	t.Helper()
	a := redistest.Start(t)
	b := redistest.StartReplica(t, a)
	return &endpoint{redistest.StartProxy(t, a.Addr()), a, b}
}

// switches are ways in which the address comes to lead to another server. In each the connections to A stay open.
var switches = []struct {
	name string
	to   func(t *testing.T, e *endpoint)
}{
	{"A is a replica whose link is down", func(t *testing.T, e *endpoint) {
		link := redistest.StartProxy(t, e.b.Addr())
		link.Cut()
		promote(t, e.b)
		e.Redirect(e.b.Addr())
		demote(t, e.a, link.Addr())
	}},
	{"A is a replica", func(t *testing.T, e *endpoint) {
		promote(t, e.b)
		e.Redirect(e.b.Addr())
		demote(t, e.a, e.b.Addr())
	}},
	{"A stays a master", func(t *testing.T, e *endpoint) {
		promote(t, e.b)
		e.Redirect(e.b.Addr())
	}},
	{"an empty server", func(t *testing.T, e *endpoint) {
		fresh := redistest.Start(t)
		e.Redirect(fresh.Addr())
	}},
}

// onSwitches runs a test for each of the switches, all at the same time: they mostly wait.
func onSwitches(t *testing.T, test func(t *testing.T, e *endpoint, to func())) {
	for _, s := range switches {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			e := newEndpoint(t)
			test(t, e, func() { s.to(t, e) })
		})
	}
}

// The node that evicts never reads a value that it has evicted. Neither does another node, from two seconds after the
// switch.
func TestEndpointReadsNothingEvicted(t *testing.T) {
	onSwitches(t, func(t *testing.T, e *endpoint, to func()) {
		r := newEndpointRace(t, e)
		r.burst(t) // so that there are connections that are idle
		var all sync.WaitGroup
		defer all.Wait()
		defer r.over.Store(true)
		for node := range r.caches {
			for range 6 {
				all.Go(func() { r.reader(t, node) })
			}
		}
		all.Go(func() { r.writer(t) })
		redistest.Eventually(t, "some load", func() bool { return r.reads[1].Load() > 500 && r.writes.Load() > 50 })
		require.Zero(t, r.stale[0].Load()+r.stale[1].Load(), "before the switch")
		to()
		r.switched.Store(int64(time.Since(r.began)))
		time.Sleep(2*noticed + noticed/4) // the length of the race
		r.burst(t)
		r.over.Store(true)
		all.Wait()
		r.report(t)
	})
}

// A node that reaches the new server logs a user out. From two seconds after the switch, a node with old connections does
// not let this user in, whether or not the connections are in use.
func TestEndpointLetsNobodyInAfterLogout(t *testing.T) {
	const connections = 8
	onSwitches(t, func(t *testing.T, e *endpoint, to func()) {
		ns := redistest.Unique(t)
		busy, idle := managerOn(t, dialed(t, e.Addr()), ns), managerOn(t, dialed(t, e.Addr()), ns)
		ctx := busy.Attach(t.Context(), "")
		require.NoError(t, busy.Login(ctx, "ann"))
		token, err := busy.Token(ctx)
		require.NoError(t, err)
		letsIn := func(m *session.Manager[visits]) bool {
			user, err := m.User(m.Attach(t.Context(), token))
			return err == nil && user == "ann"
		}
		many := func(m *session.Manager[visits]) (in int64) {
			var n atomic.Int64
			burst(connections, func() {
				if letsIn(m) {
					n.Add(1)
				}
			})
			return n.Load()
		}
		require.EqualValues(t, connections, many(busy))
		require.EqualValues(t, connections, many(idle))
		copied(t, e.a, e.b)

		to()
		switched := time.Now()
		fresh := managerOn(t, dialed(t, e.Addr()), ns)
		require.NoError(t, fresh.Destroy(fresh.Attach(t.Context(), token)))
		require.False(t, letsIn(fresh))
		loggedOut := time.Now()
		let, after, last := 0, 0, time.Duration(0)
		for time.Since(switched) < 2*noticed {
			began := time.Since(switched)
			if after++; letsIn(busy) {
				let, last = let+1, began
			}
			time.Sleep(time.Millisecond) // the pace of requests
		}
		late := many(idle)
		t.Logf("logged out %v after the switch; the busy manager let the user in %d of %d times, the last time %v after the switch; the idle one %d of %d times after %v",
			loggedOut.Sub(switched).Round(time.Millisecond), let, after, last.Round(time.Millisecond), late, connections, 2*noticed)
		assert.LessOrEqual(t, last, noticed, "the busy manager")
		assert.Zero(t, late, "the idle manager")
		_, err = idle.Get(idle.Attach(t.Context(), token))
		require.ErrorIs(t, err, session.ErrNoSession, "it has found the new server")
	})
}

// From two seconds after the switch, two limiters, one with old connections and one with new ones, together allow what one
// limit allows.
func TestEndpointSharesALimit(t *testing.T) {
	const limit, before = 40, 10
	onSwitches(t, func(t *testing.T, e *endpoint, to func()) {
		ns := redistest.Unique(t)
		old := limiterOn(t, dialed(t, e.Addr()), ns, limit)
		require.Equal(t, before, permits(t, old, "k", before))
		require.Equal(t, limit, permits(t, old, "used up", limit+1))
		copied(t, e.a, e.b)
		to()
		time.Sleep(noticed) // nothing is to happen on the old connections: the promise is one of time
		fresh := limiterOn(t, dialed(t, e.Addr()), ns, limit)
		require.NoError(t, fresh.Reset(t.Context(), "used up"))
		reset := permits(t, old, "used up", 1)
		one, other := permits(t, fresh, "k", 2*limit), permits(t, old, "k", 2*limit)
		t.Logf("of %d permits a minute, %d of which were taken before: %d by new connections and %d by old ones; after a reset %d of 1 by old ones",
			limit, before, one, other, reset)
		assert.LessOrEqual(t, one+other, limit)
		assert.Positive(t, one)
		assert.Equal(t, 1, reset)
	})
}

// permits asks n times, and returns how often Redis allowed it.
func permits(t *testing.T, l *ratelimit.Limiter, key string, n int) (allowed int) {
	t.Helper()
	for range n {
		r, err := l.Allow(t.Context(), key)
		require.NoError(t, err)
		assert.Equal(t, ratelimit.FromRedis, r.Source, "who decided about %s", key)
		if r.Allowed && r.Source == ratelimit.FromRedis {
			allowed++
		}
	}
	return allowed
}

// burst runs a function in n goroutines that begin at the same time.
func burst(n int, do func()) {
	var all sync.WaitGroup
	ready := make(chan struct{})
	for range n {
		all.Go(func() { <-ready; do() })
	}
	close(ready)
	all.Wait()
}

func endpointKey(i int) string { return fmt.Sprintf("spot-%d", i) }
