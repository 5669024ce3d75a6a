package faulttest

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/cacheable"
	"github.com/jollyjet/aside/consistency"
	"github.com/jollyjet/aside/evict"
	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/session"
)

// demotions are ways in which the master behind an address becomes a replica of another master that has the same data.
var demotions = []struct {
	name string
	do   func(t *testing.T, e *endpoint)
}{
	{"new connections lead to the new master", func(t *testing.T, e *endpoint) {
		promote(t, e.b)
		e.Redirect(e.b.Addr())
		demote(t, e.a, e.b.Addr())
	}},
	{"new connections lead there, and the link is down", func(t *testing.T, e *endpoint) {
		link := redistest.StartProxy(t, e.b.Addr())
		link.Cut()
		promote(t, e.b)
		e.Redirect(e.b.Addr())
		demote(t, e.a, link.Addr())
	}},
	{"all connections lead to the new replica", func(t *testing.T, e *endpoint) {
		promote(t, e.b)
		demote(t, e.a, e.b.Addr())
	}},
	{"it becomes a replica of an empty master", func(t *testing.T, e *endpoint) {
		empty := redistest.Start(t)
		promote(t, e.b) // the remaining entries are here
		e.Redirect(e.b.Addr())
		demote(t, e.a, empty.Addr())
		redistest.Eventually(t, "the replica", func() bool { return fieldsOf(e.a, "replication")["master_link_status"] == "up" })
	}},
}

func onDemotions(t *testing.T, test func(t *testing.T, e *endpoint, demote func())) {
	for _, d := range demotions {
		t.Run(d.name, func(t *testing.T) {
			e := newEndpoint(t)
			var once sync.Once
			test(t, e, func() { once.Do(func() { d.do(t, e) }) })
		})
	}
}

const scanned = 5000

// filled is a cache with many entries, which the replica has, too.
func filled(t *testing.T, e *endpoint, namespace string) *cacheable.Many[int, int] {
	t.Helper()
	st := fed(t, dialed(t, e.Addr()), namespace)
	c := cacheable.NewMany(st, "c", func(_ context.Context, keys []int) (map[int]int, error) {
		values := make(map[int]int, len(keys))
		for _, k := range keys {
			values[k] = k
		}
		return values, nil
	}, cacheable.TTL(time.Hour))
	keys := make([]int, scanned)
	for i := range keys {
		keys[i] = i
	}
	redistest.Eventually(t, "all entries", func() bool { // on a busy machine a batch may not be stored at once
		for batch := range slices.Chunk(keys, 500) {
			_, err := c.GetAll(t.Context(), batch)
			require.NoError(t, err)
		}
		return len(keysWith(t, e.a, namespace+":{c:")) == scanned
	})
	copied(t, e.a, e.b)
	return c
}

// ByPattern reports success only if it has evicted all entries.
func TestEvictByPatternWhileTheMasterIsDemoted(t *testing.T) {
	onDemotions(t, func(t *testing.T, e *endpoint, demote func()) {
		ns := redistest.Unique(t)
		c := filled(t, e, ns)
		n, err := evict.ByPattern(t.Context(), c.Store(), "c:*", evict.Progress(func(int64) { demote() }))
		left := len(keysWith(t, e.b, ns+":{c:"))
		if err == nil { // queued evictions may be carried out in a moment, but then it returns an error
			assert.Zero(t, left, "entries that the new master has when ByPattern returns nil")
		}
		t.Logf("ByPattern evicted %d of %d, %d are left on the new master, error: %v", n, scanned, left, err)
	})
}

// An audit reports that it is done only if it has compared all entries of one master.
func TestAuditWhileTheMasterIsDemoted(t *testing.T) {
	onDemotions(t, func(t *testing.T, e *endpoint, demote func()) {
		c := filled(t, e, redistest.Unique(t))
		report, err := consistency.Audit(t.Context(), c, consistency.Rate(100_000),
			consistency.Progress(func(consistency.AuditReport) { demote() }))
		t.Logf("the audit found %d of %d entries, %d equal; done: %t, error: %v",
			report.Entries, scanned, report.Checks.Equal, report.Done, err)
		require.Error(t, err, "an audit of a server that has become a replica")
		assert.False(t, report.Done)
	})
}

// onSecondScan returns a hook that calls a function before the second SCAN is sent.
func onSecondScan(then func()) redis.Hook {
	var scans atomic.Int64
	return redistest.Before(func(cmds []redis.Cmder) {
		for _, cmd := range cmds {
			if cmd.Name() == "scan" && scans.Add(1) == 2 {
				then()
			}
		}
	})
}

const logins = 2000

// loggedIn has many users log in, and returns their tokens.
func loggedIn(t *testing.T, m *session.Manager[visits]) []string {
	t.Helper()
	tokens := make([]string, logins)
	var next atomic.Int64
	burst(16, func() {
		for i := int(next.Add(1)) - 1; i < logins; i = int(next.Add(1)) - 1 {
			ctx := m.Attach(t.Context(), "")
			if assert.NoError(t, m.Login(ctx, fmt.Sprint("user", i))) {
				tokens[i], _ = m.Token(ctx)
			}
		}
	})
	return tokens
}

// Ending all sessions reports success only if all have ended.
func TestDestroyEveryoneWhileTheMasterIsDemoted(t *testing.T) {
	onDemotions(t, func(t *testing.T, e *endpoint, demote func()) {
		ns := redistest.Unique(t)
		tokens := loggedIn(t, managerOn(t, dialed(t, e.a.Addr()), ns))
		copied(t, e.a, e.b)
		m := managerOn(t, dialed(t, e.Addr()), ns, session.Hooks(onSecondScan(demote)))
		n, err := m.DestroyEveryone(t.Context())
		fresh, valid := managerOn(t, dialed(t, e.b.Addr()), ns), 0
		for _, token := range tokens {
			if _, err := fresh.Get(fresh.Attach(t.Context(), token)); err == nil {
				valid++
			}
		}
		t.Logf("DestroyEveryone removed %d keys, %d of %d sessions are valid on the new master, error: %v", n, valid, logins, err)
		if err == nil {
			assert.Zero(t, valid, "sessions that are valid when DestroyEveryone returns nil")
		}
	})
}

// A sweep reports success only if it has swept everything.
func TestSweepWhileTheMasterIsDemoted(t *testing.T) {
	onDemotions(t, func(t *testing.T, e *endpoint, demote func()) {
		ns := redistest.Unique(t)
		loggedIn(t, managerOn(t, dialed(t, e.a.Addr()), ns))
		orphan(t, e.a, ns)
		copied(t, e.a, e.b)
		m := managerOn(t, dialed(t, e.Addr()), ns, session.Hooks(onSecondScan(demote)))
		swept, err := m.Sweep(t.Context())
		left := len(keysWith(t, e.b, ns+":u:"))
		t.Logf("Sweep looked at %d of %d users and dropped %d sessions, %d users are left on the new master, error: %v",
			swept.Users, logins, swept.Dropped, left, err)
		if err == nil {
			assert.Zero(t, left, "users without a session when Sweep returns nil")
		}
	})
}

// orphan removes all sessions, but not the lists of their users.
func orphan(t *testing.T, s *redistest.Server, namespace string) {
	t.Helper()
	args := []any{"DEL"}
	for _, key := range keysWith(t, s, namespace+":s:") {
		args = append(args, key)
	}
	require.Equal(t, logins+1, len(args)) //nolint:testifylint // Len would print them all
	_, err := s.Do(t.Context(), args...)
	require.NoError(t, err)
}
