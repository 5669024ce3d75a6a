package session

import (
	"context"
	"errors"
	"slices"

	"github.com/redis/go-redis/v9"

	"github.com/jollyjet/aside/internal/redisx"
)

// List returns the sessions of a user, the latest login first (ASVS 5.0 7.5.2). In the context of a request it marks that
// of the request. The context needs no session.
func (m *Manager[T]) List(ctx context.Context, user string) ([]Info, error) {
	current := m.e.currentHandle(ctx)
	_, handles, err := m.e.ask(ctx, pruneScript, m.e.keyOfUser(user))
	if err != nil {
		return nil, err
	}
	heads, err := m.e.heads(ctx, handles)
	if err != nil {
		return nil, err
	}
	list := make([]Info, 0, len(handles))
	for i, raw := range heads {
		r, ok := parseOwner(raw)
		if ok && r.body.user == user {
			list = append(list, infoOf(handles[i], &r, handles[i] == current))
		}
	}
	slices.SortStableFunc(list, func(a, b Info) int { return b.Since.Compare(a.Since) })
	return list, nil
}

// heads reads the beginnings of sessions: "" for one that is not there.
func (e *engine) heads(ctx context.Context, handles []string) ([]string, error) {
	heads := make([]string, 0, len(handles))
	for part := range slices.Chunk(handles, batch) {
		calls := make([]*redisx.Call, len(part))
		for i, h := range part {
			calls[i] = &redisx.Call{Name: "getrange", Key: e.sessionKey(h), Args: []any{0, ownerBytes - 1}}
		}
		_ = redisx.Run(ctx, e.rdb, calls...) // each call has its own error
		for _, c := range calls {
			raw, err := c.Reply.Text()
			switch {
			case redis.HasErrorPrefix(c.Err(), "WRONGTYPE"):
				raw = "?"
			case err != nil && !errors.Is(err, redis.Nil):
				return nil, e.judge(ctx, err)
			}
			heads = append(heads, raw)
		}
	}
	return heads, nil
}

// currentHandle is that of the session of the request, as far as it was looked up, or "".
func (e *engine) currentHandle(ctx context.Context) string {
	s, err := e.scope(ctx)
	if err != nil {
		return ""
	}
	_, handle, _ := s.peek(ctx)
	return handle
}

// DestroyAll ends all sessions of a user, on all nodes (ASVS 5.0 7.4.2, 7.4.5). When it returns nil, none of those whose
// Login had returned before is valid, nor will one be; of a Login that runs at the same time the session ends, or is
// the first of a new set. So where an account is closed, make logins fail first. It is one command, however many there
// are; the memory is freed after it. If the session that the request has used is among them, its client is made to forget
// its token. The context needs no session.
func (m *Manager[T]) DestroyAll(ctx context.Context, user string) error {
	c := &redisx.Call{Script: clearScript, Key: m.e.keyOfUser(user)}
	if err := m.e.run(ctx, c); err != nil {
		return err
	}
	_, handles, err := reply(c)
	if err != nil {
		return m.e.judge(ctx, err)
	}
	m.e.revoked(ctx, user, handles)
	if s, err := m.e.scope(ctx); err == nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.state == live && s.rec.body.user == user {
			s.left()
		}
	}
	return nil
}

// DestroyOthers ends all sessions of the user but that of the request (ASVS 5.0 7.4.3: after a change of password). They
// end all at once. Errors: [ErrNoSession], also if nobody is logged in; [ErrEnded] if the request's own session has
// ended meanwhile, then nothing was done; or one that wraps [ErrUnavailable].
func (m *Manager[T]) DestroyOthers(ctx context.Context) error {
	return m.locked(ctx, func(s *scope, none error) error {
		if none != nil {
			return none
		}
		user, handle := s.rec.body.user, s.tok.handle()
		if user == "" {
			return ErrNoSession
		}
		n, others, err := m.e.ask(ctx, othersScript, m.e.keyOfUser(user), handle)
		if err != nil {
			return err
		}
		if n[0] != 1 {
			s.state = gone
			return ErrEnded
		}
		m.e.revoked(ctx, user, others)
		return nil
	})
}

// DestroyOne ends the session of a user that has the given handle, from [Manager.List] (ASVS 5.0 7.5.2). A handle that is
// none of the user's is [ErrNoSession]. The context needs no session.
func (m *Manager[T]) DestroyOne(ctx context.Context, user, handle string) error {
	c := m.e.forgetCall(m.e.keyOfUser(user), handle)
	if err := m.e.run(ctx, c); err != nil {
		return err
	}
	if !c.Did() {
		return ErrNoSession
	}
	m.e.revoked(ctx, user, []string{handle})
	if s, err := m.e.scope(ctx); err == nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.state == live && s.tok.handle() == handle {
			s.left()
		}
	}
	return nil
}
