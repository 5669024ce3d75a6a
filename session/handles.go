package session

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"github.com/jollyjet/aside/internal/redisx"
)

// Load is [Manager.Attach] that reads the session at once. Without one it returns [ErrNoSession]; if Redis is away, an
// error that wraps [ErrUnavailable].
func (m *Manager[T]) Load(ctx context.Context, token string) (context.Context, error) {
	ctx = m.Attach(ctx, token)
	return ctx, m.withSession(ctx, func(_ *requestSession, none error) error { return none })
}

// LoadHandle returns a context with the session that has a handle, from [Manager.List], [Manager.Info] or an [Event]. It
// is for administrators and background work: it needs no token, so never take a handle from a client. Get, User, Info,
// Update, Flash, SetDeadline and Destroy work and read the session each time, and reading does not extend it. Login,
// Create and Renew return [ErrCommitted], because nobody could get the new token. Errors are those of [Manager.Load].
func (m *Manager[T]) LoadHandle(ctx context.Context, handle string) (context.Context, error) {
	if !isHandle(handle) {
		return nil, ErrNoSession
	}
	owners, err := m.p.owners(ctx, []string{handle})
	if err != nil {
		return nil, err
	}
	if owners[0] == nil {
		return nil, ErrNoSession
	}
	ctx = m.p.byHandle(handle, owners[0]).with(ctx)
	return ctx, m.withSession(ctx, func(_ *requestSession, none error) error { return none })
}

// IterateOption changes what [Manager.Iterate] does.
type IterateOption func(*iteration)

type iteration struct{ progress func(visited int64) }

// Progress calls report after each part of an iteration with the number of sessions visited so far, never concurrently.
func Progress(report func(visited int64)) IterateOption {
	options.NotNil("Progress", report == nil)
	return func(it *iteration) { it.progress = report }
}

// Iterate calls visit for each session of the namespace, with and without a user, one at a time. The context of visit has
// the session as that of [Manager.LoadHandle] does. Sessions that exist all the time are visited, a few of them twice if
// many others come or go meanwhile; those that begin or end meanwhile may be. The first error of visit ends the iteration
// and is returned. Other errors wrap [ErrUnavailable].
//
// It walks the keys of the namespace on all masters, so it is slow, and meant for migrations and reports.
func (m *Manager[T]) Iterate(ctx context.Context, visit func(ctx context.Context, s Info) error, opts ...IterateOption) error {
	var it iteration
	for i, o := range opts {
		if o == nil {
			panic(fmt.Sprintf("session: Iterate: option %d is nil; leave it out", i+1))
		}
		o(&it)
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	prefix := m.p.sessionKey("")
	var one sync.Mutex // masters are walked at the same time
	var visited int64  // guarded by one
	var failed error   // of visit; guarded by one
	err := m.p.scan(ctx, "s", func(ctx context.Context, keys []string) error {
		handles := make([]string, len(keys))
		for i, key := range keys {
			handles[i] = strings.TrimPrefix(key, prefix)
		}
		owners, err := m.p.owners(ctx, handles)
		if err != nil {
			return err
		}
		one.Lock()
		defer one.Unlock()
		for i, r := range owners {
			if r == nil {
				continue
			}
			if err := ctx.Err(); err != nil {
				return err
			}
			if failed = visit(m.p.byHandle(handles[i], r).with(ctx), infoOf(handles[i], r, false)); failed != nil {
				stop() // the other masters, and it is not Redis that failed
				return failed
			}
			visited++
		}
		if it.progress != nil {
			it.progress(visited)
		}
		return nil
	})
	if failed != nil {
		return failed
	}
	return err
}

// byHandle is the session of a handle, as a request has it.
func (p *protocol) byHandle(handle string, r *record) *requestSession {
	tok := token{name: handle, anyID: true}
	if r.body.user != "" {
		tok.bindTo(r.body.user)
	}
	return &requestSession{p: p, state: live, tok: tok, rec: *r, committed: true, fresh: true, observes: true}
}

// owners reads the heads of sessions, with their users. That of one that does not exist, has been revoked or can't be read
// is nil.
func (p *protocol) owners(ctx context.Context, handles []string) ([]*record, error) {
	heads, err := p.heads(ctx, handles)
	if err != nil {
		return nil, err
	}
	owners := make([]*record, len(handles))
	var members []*redisx.Call
	var of []int // the index of each call's session
	for i, raw := range heads {
		r, ok := parseOwner(raw)
		if !ok {
			continue
		}
		owners[i] = &r
		if user := r.body.user; user != "" {
			members, of = append(members, &redisx.Call{Name: "zscore", Key: p.keyOfUser(user), Args: []any{handles[i]}}), append(of, i)
		}
	}
	if len(members) == 0 {
		return owners, nil
	}
	if err := p.run(ctx, members...); err != nil {
		return nil, err
	}
	for n, c := range members {
		if c.Reply.Err() != nil {
			owners[of[n]] = nil
		}
	}
	return owners, nil
}

// isHandle reports whether a text may be a handle.
func isHandle(text string) bool { return len(text) == handleChars && plain(text) }
