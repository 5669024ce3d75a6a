package faulttest

import (
	"context"
	"errors"
	"strconv"
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

// sessionCalls are calls that need Redis.
var sessionCalls = []struct {
	name string
	do   func(m *manager, ctx context.Context) error
}{
	{"Get", func(m *manager, ctx context.Context) error { _, err := m.Get(ctx); return err }},
	{"User", func(m *manager, ctx context.Context) error { _, err := m.User(ctx); return err }},
	{"Update", func(m *manager, ctx context.Context) error { return m.Update(ctx, add) }},
	{"Login", func(m *manager, ctx context.Context) error { return m.Login(ctx, "bob") }},
	{"Create", func(m *manager, ctx context.Context) error { return m.Create(ctx, 1) }},
	{"Renew", (*manager).Renew},
	{"List", func(m *manager, ctx context.Context) error { _, err := m.List(ctx, "ann"); return err }},
	{"Sweep", func(m *manager, ctx context.Context) error { _, err := m.Sweep(ctx); return err }},
	{"DestroyOne", func(m *manager, ctx context.Context) error { return m.DestroyOne(ctx, "ann", "none") }},
	{"DestroyOthers", (*manager).DestroyOthers},
	{"DestroyAll", func(m *manager, ctx context.Context) error { return m.DestroyAll(ctx, "ann") }},
	{"DestroyEveryone", func(m *manager, ctx context.Context) error { _, err := m.DestroyEveryone(ctx); return err }},
	{"Destroy", (*manager).Destroy},
}

func add(n *int) error { *n++; return nil }

// refusedSessions are a manager whose client is refused, one whose client works, and the tokens of a user's sessions.
type refusedSessions struct {
	of        *refused
	m, well   *manager
	tokens    []string
	unstarted bool
}

func newRefusedSessions(t *testing.T, p *place, of refusal) *refusedSessions {
	t.Helper()
	r, namespace := of.begin(t, p), redistest.Unique(t)
	w := &refusedSessions{of: r, unstarted: of.fromStart}
	w.well = sessions(t, p.client(t), namespace)
	w.m = sessions(t, r.rdb, namespace, session.Hooks(r.hooks...))
	for range 3 {
		w.tokens = append(w.tokens, login(t, w.well, "ann"))
	}
	return w
}

// lives reports whether a session exists.
func (w *refusedSessions) lives(t *testing.T, token string) bool {
	t.Helper()
	_, err := w.well.Get(w.well.Attach(t.Context(), token))
	if errors.Is(err, session.ErrNoSession) {
		return false
	}
	require.NoError(t, err)
	return true
}

// A call whose connection is refused fails with ErrUnavailable, whether or not its request had read the session before, and
// does not report that a session ended.
func refusedSession(t *testing.T, p *place, of refusal) {
	t.Helper()
	w := newRefusedSessions(t, p, of)
	running := map[string]context.Context{}
	for _, call := range sessionCalls {
		if w.unstarted {
			break
		}
		running[call.name] = w.m.Attach(t.Context(), w.tokens[0])
		_, err := w.m.Get(running[call.name])
		require.NoError(t, err)
	}
	w.of.strike()
	for _, call := range sessionCalls {
		w.unavailable(t, call.name, call.do(w.m, w.m.Attach(t.Context(), w.tokens[0])))
		if ctx := running[call.name]; ctx != nil && call.name != "Get" && call.name != "User" { // these have read the session
			w.unavailable(t, call.name+" of a running request", call.do(w.m, ctx))
		}
	}
	for _, token := range w.tokens {
		assert.True(t, of.alone || w.lives(t, token), "nothing was destroyed")
	}
	w.corrected(t, of)
}

func (w *refusedSessions) unavailable(t *testing.T, name string, err error) {
	t.Helper()
	if !errors.Is(err, session.ErrUnavailable) || errors.Is(err, session.ErrNoSession) {
		t.Errorf("%s: %v, not ErrUnavailable", name, err)
	}
}

// corrected checks that sessions work again.
func (w *refusedSessions) corrected(t *testing.T, of refusal) {
	t.Helper()
	w.of.correct()
	back := took(func() bool {
		_, err := w.m.List(t.Context(), "ann")
		return err == nil
	})
	t.Logf("sessions work again after %d ms", back.Milliseconds())
	assert.Less(t, back, 2*time.Second)
	if of.alone {
		return // the restart loses the data
	}
	ctx := w.m.Attach(t.Context(), w.tokens[0])
	assert.NoError(t, w.m.Update(ctx, add))
	assert.NoError(t, w.m.Destroy(ctx))
	assert.False(t, w.lives(t, w.tokens[0]), "a logout that returned nil")
	assert.True(t, w.lives(t, w.tokens[1]))
}

// Many logouts at once share pipelines.
func refusedLogouts(t *testing.T, p *place, of refusal) {
	t.Helper()
	const users = 64
	w := newRefusedSessions(t, p, of)
	requests, tokens := make([]context.Context, users), make([]string, users)
	for i := range users {
		tokens[i] = login(t, w.well, "user"+strconv.Itoa(i))
		requests[i] = w.m.Attach(t.Context(), tokens[i])
		if !w.unstarted {
			_, err := w.m.Get(requests[i])
			require.NoError(t, err)
		}
	}
	w.of.strike()
	ended := make([]error, users)
	var wg sync.WaitGroup
	for i, ctx := range requests {
		wg.Go(func() { ended[i] = w.m.Destroy(ctx) })
	}
	wg.Wait()
	said, survivors := 0, 0
	for i, token := range tokens {
		if ended[i] != nil {
			assert.ErrorIs(t, ended[i], session.ErrUnavailable)
			continue
		}
		if said++; w.lives(t, token) {
			survivors++
		}
	}
	t.Logf("%d of %d logouts returned nil, %d sessions live on", said, users, survivors)
	assert.Zero(t, survivors)
}

// A limiter decides by itself, and counts why; one that fails closed refuses.
func refusedLimiters(t *testing.T, p *place, of refusal) {
	t.Helper()
	policies := map[string]ratelimit.Policy{
		"one":     ratelimit.SlidingWindow(1000, time.Minute),
		"several": ratelimit.All(ratelimit.SlidingWindow(1000, time.Minute), ratelimit.TokenBucket(1000, 1000)),
		"leases":  ratelimit.Concurrency(1000, time.Minute),
	}
	for name, policy := range policies {
		for _, callers := range []int{1, 64} {
			r, namespace := of.begin(t, p), redistest.Unique(t)
			l := limiter(t, r, policy, namespace, ratelimit.Breaker(1000, time.Second))
			closed := limiter(t, r, policy, namespace, ratelimit.FailClosed())
			r.strike()
			_, err := closed.Allow(t.Context(), "k")
			assert.ErrorIs(t, err, ratelimit.ErrUnavailable, name)
			assert.ErrorIs(t, l.Reset(t.Context(), "other"), ratelimit.ErrUnavailable, name)
			var wg sync.WaitGroup
			var local atomic.Int64
			for range callers {
				wg.Go(func() {
					result, err := l.Allow(t.Context(), "k")
					assert.NoError(t, err)
					if result.Source == ratelimit.FromLocal {
						local.Add(1)
					}
				})
			}
			wg.Wait()
			s := l.Stats()
			t.Logf("%s, %d callers: %d decided locally, %d errors, %d fallbacks", name, callers, local.Load(), s.Errors, s.Fallback)
			assert.EqualValues(t, callers, local.Load(), name)
			assert.EqualValues(t, callers, s.Fallback, name)
			assert.GreaterOrEqual(t, s.Errors, int64(callers), name)
		}
	}
}

func limiter(t *testing.T, r *refused, policy ratelimit.Policy, namespace string, options ...ratelimit.Option) *ratelimit.Limiter {
	t.Helper()
	l := ratelimit.New(r.rdb, policy, append([]ratelimit.Option{
		ratelimit.Namespace(namespace), ratelimit.Hooks(r.hooks...), ratelimit.Timeout(500 * time.Millisecond),
	}, options...)...)
	t.Cleanup(func() { require.NoError(t, l.Close()) })
	return l
}
