package faulttest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/ratelimit"
	"github.com/jollyjet/aside/session"
)

// sessionAsks are the calls of a manager. The i-th caller has a session of its own, of a user of its own.
type sessionAsks struct {
	m      *manager
	tokens [many]string
}

func newSessionCalls(t *testing.T, server *redistest.Server, shares int) calls {
	return &sessionAsks{m: sessions(t, server.Client(t), redistest.Unique(t), session.AutoPipeline(shares))}
}

func (w *sessionAsks) names() (names []string) {
	for _, call := range sessionCalls {
		names = append(names, call.name)
	}
	return names
}

func (w *sessionAsks) prepare(t *testing.T, name string, callers int) func(context.Context, int) error {
	t.Helper()
	together(t, callers, func(i int) error {
		ctx := w.m.Attach(t.Context(), "")
		if err := w.m.Login(ctx, fmt.Sprint("user", i)); err != nil {
			return err
		}
		token, err := w.m.Token(ctx)
		w.tokens[i] = token
		return err
	})
	for _, call := range sessionCalls {
		if call.name == name {
			return func(ctx context.Context, i int) error { return call.do(w.m, w.m.Attach(ctx, w.tokens[i])) }
		}
	}
	require.Fail(t, "no such call", name)
	return nil
}

func (w *sessionAsks) check(*testing.T, string, int) {}

// limitAsks are the calls of a limiter.
type limitAsks struct {
	l       *ratelimit.Limiter
	leases  *ratelimit.Limiter
	charged [many]ratelimit.Result
	asks    []ask

	releases sync.WaitGroup
}

func newLimitCalls(t *testing.T, server *redistest.Server, shares int) calls {
	r, namespace := &refused{rdb: server.Client(t)}, redistest.Unique(t)
	never := ratelimit.Breaker(1<<30, time.Second) // an open breaker would spare callers the wait that is measured
	w := &limitAsks{
		l:      limiter(t, r, ratelimit.SlidingWindow(1_000_000, time.Hour), namespace, never, ratelimit.AutoPipeline(shares)),
		leases: limiter(t, r, ratelimit.Concurrency(10_000, time.Minute), namespace, never, ratelimit.AutoPipeline(shares)),
	}
	w.asks = []ask{
		{"Allow", func(ctx context.Context, _ int) error { _, err := w.l.Allow(ctx, "k"); return err }},
		{"AllowN", func(ctx context.Context, _ int) error { _, err := w.l.AllowN(ctx, "k", 2); return err }},
		{"AllowAll", func(ctx context.Context, _ int) error {
			_, err := ratelimit.AllowAll(ctx, ratelimit.Ask{Limiter: w.l, Key: "k", N: 1}, ratelimit.Ask{Limiter: w.l, Key: "l", N: 1})
			return err
		}},
		{"Peek", func(ctx context.Context, _ int) error { _, err := w.l.Peek(ctx, "k"); return err }},
		{"Refund", func(ctx context.Context, i int) error { return w.l.Refund(ctx, w.charged[i]) }},
		{"Reset", func(ctx context.Context, i int) error { return w.l.Reset(ctx, fmt.Sprint("reset", i)) }},
		{"Acquire", func(ctx context.Context, _ int) error {
			_, release, err := w.leases.Acquire(ctx, "k")
			w.releases.Go(release) // it has the limiter's timeout
			return err
		}},
	}
	return w
}

func (w *limitAsks) names() []string { return namesOf(w.asks) }

func (w *limitAsks) prepare(t *testing.T, name string, callers int) func(context.Context, int) error {
	t.Helper()
	together(t, callers, func(i int) error {
		r, err := w.l.Allow(t.Context(), "k")
		w.charged[i] = r
		if err == nil && r.Source != ratelimit.FromRedis {
			return errNotRedis
		}
		return err
	})
	return find(t, w.asks, name)
}

var errNotRedis = errors.New("not decided by Redis")

func (w *limitAsks) check(*testing.T, string, int) { w.releases.Wait() }
