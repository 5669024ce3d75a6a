package session

import (
	"context"
	"errors"
	"time"

	"github.com/jollyjet/aside/internal/redisx"
)

// Watch returns a context for work that outlives one page: server-sent events, a WebSocket, a long poll. It ends when the
// session ends, wherever and however that happens: logout, expiry, revocation, MaxPerUser, or a login in its place. It
// follows renewals: the session stays the same when its id is replaced. It also ends with ctx, so that of a request ends
// when the handler returns or the client goes away.
//
// Redis is asked each [WatchEvery], with two commands that read no data and don't count as use. So the context ends at
// most that much later than the session, plus [Timeout]. While Redis does not answer it goes on until the session would
// have expired, but for a tenth of [Idle] at most.
//
// In the returned context Get, User and Info read the session each time, so they are current, and count as use like any
// request's. Update, Flash, SetDeadline and Destroy work. Login, Create and Renew return [ErrCommitted]: there is no
// response left to carry a token.
//
// context.Cause says why the context ended: [ErrEnded], an error that wraps [ErrUnavailable] if Redis was away for too
// long or the manager was closed, or the cause of ctx. Without a session Watch returns [ErrNoSession] or [ErrEnded]; if
// Redis is away an error that wraps [ErrUnavailable].
func (m *Manager[T]) Watch(ctx context.Context) (context.Context, error) {
	var w *requestSession
	err := m.withSession(ctx, func(s *requestSession, none error) error {
		w = &requestSession{p: m.p, state: live, tok: s.tok, rec: s.rec, committed: true, fresh: true, observes: s.observes}
		w.tok.anyID = true
		return none
	})
	if err != nil {
		return nil, err
	}
	asked := time.Now()
	left, err := m.p.remaining(ctx, &w.tok)
	switch {
	case errors.Is(err, ErrNoSession):
		return nil, ErrEnded
	case err != nil:
		return nil, m.p.failure(ctx, err)
	}
	w.watch = &watch{}
	w.watch.ctx, w.watch.cancel = context.WithCancelCause(w.with(ctx))
	watched, cancel := w.watch.ctx, w.watch.cancel
	tok := w.tok
	m.p.watching.Add(1)
	started := m.p.work.Go("watch", func(closing context.Context) {
		defer context.AfterFunc(closing, func() { cancel(unavailable(errClosed)) })()
		defer m.p.watching.Add(-1)
		cancel(m.p.watch(watched, &tok, asked, left))
	})
	if !started {
		m.p.watching.Add(-1)
		cancel(unavailable(errClosed))
		return nil, context.Cause(watched)
	}
	return watched, nil
}

var errClosed = errors.New("the manager is closed")

// watch returns when the session has ended, when Redis has not confirmed it for too long, or when ctx ends. It was
// confirmed at a time, to expire so much later.
func (p *protocol) watch(ctx context.Context, t *token, confirmed time.Time, left time.Duration) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	var failed error
	for {
		wait := left - time.Since(confirmed)
		if failed != nil {
			wait = min(left, p.idle/10) - time.Since(confirmed)
			if wait <= 0 {
				return failed
			}
		}
		timer.Reset(max(time.Millisecond, min(p.watchEvery, wait)))
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-timer.C:
		}
		asked := time.Now()
		switch rest, err := p.remaining(ctx, t); {
		case err == nil:
			confirmed, left, failed = asked, rest, nil
		case errors.Is(err, ErrNoSession):
			return ErrEnded
		case failed == nil && ctx.Err() == nil:
			failed = p.failure(ctx, err) // reported once
		}
	}
}

// remaining asks how long a session lasts that nobody uses. It reads no data. The error is ErrNoSession if it has ended.
func (p *protocol) remaining(ctx context.Context, t *token) (time.Duration, error) {
	handle := t.handle()
	ttl := &redisx.Call{Name: "pttl", Key: p.sessionKey(handle)}
	calls := []*redisx.Call{ttl}
	if t.bound {
		calls = append(calls, &redisx.Call{Name: "zscore", Key: p.userKey(t.locator), Args: []any{handle}})
	}
	if err := redisx.Run(ctx, p.rdb, calls...); err != nil {
		return 0, err
	}
	ms, err := ttl.Reply.Int64()
	if err != nil {
		return 0, err
	}
	if ms < 0 || t.bound && calls[1].Reply.Err() != nil {
		return 0, ErrNoSession
	}
	return time.Duration(ms) * time.Millisecond, nil
}
