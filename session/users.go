package session

import (
	"context"
	"slices"

	"github.com/jollyjet/aside/internal/redisx"
)

// List returns the sessions of a user, the latest login first (ASVS 5.0 7.5.2). In the context of a request it marks
// the request's own. The context needs no session.
func (m *Manager[T]) List(ctx context.Context, user string) ([]Info, error) {
	current := m.p.currentHandle(ctx)
	_, handles, err := m.p.script(ctx, pruneScript, m.p.keyOfUser(user))
	if err != nil {
		return nil, err
	}
	heads, err := m.p.heads(ctx, handles)
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

// currentHandle returns the handle of the request's session, or "" if it has none or it can't be read.
func (p *protocol) currentHandle(ctx context.Context) string {
	s, err := p.requestOf(ctx)
	if err != nil {
		return ""
	}
	_, handle, _ := s.peek(ctx)
	return handle
}

// DestroyAll ends all sessions of a user, on all nodes (ASVS 5.0 7.4.2, 7.4.5). When it returns nil, no session whose
// Login had returned before is valid, nor will it be again. A session whose Login runs at the same time either ends
// too, or is the first of a new set. So when you close an account, make its logins fail first.
//
// It is one command, however many sessions there are; their memory is freed after it. If the request's own session is
// among them, its client is made to forget its token. The context needs no session.
func (m *Manager[T]) DestroyAll(ctx context.Context, user string) error {
	c := &redisx.Call{Script: clearScript, Key: m.p.keyOfUser(user)}
	if err := m.p.run(ctx, c); err != nil {
		return err
	}
	_, handles, err := parseReply(c)
	if err != nil {
		return m.p.failure(ctx, err)
	}
	m.p.deleteRevoked(ctx, user, handles)
	if s, err := m.p.requestOf(ctx); err == nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.state == live && s.rec.body.user == user {
			s.endedHere()
		}
	}
	return nil
}

// DestroyOthers ends all sessions of the user except the request's own (ASVS 5.0 7.4.3: after a change of password).
// They all end at once. Errors: [ErrNoSession], also if nobody is logged in; [ErrEnded] if the request's own session
// has ended meanwhile, and then no other was ended; or one that wraps [ErrUnavailable].
func (m *Manager[T]) DestroyOthers(ctx context.Context) error {
	return m.withSession(ctx, func(s *requestSession, none error) error {
		if none != nil {
			return none
		}
		user, handle := s.rec.body.user, s.tok.handle()
		if user == "" {
			return ErrNoSession
		}
		n, others, err := m.p.script(ctx, othersScript, m.p.keyOfUser(user), handle)
		if err != nil {
			return err
		}
		if n[0] != 1 {
			s.state = gone
			return ErrEnded
		}
		m.p.deleteRevoked(ctx, user, others)
		return nil
	})
}

// DestroyOne ends the session of a user that has the given handle, from [Manager.List] (ASVS 5.0 7.5.2). If the user
// has no such session, it returns [ErrNoSession]. The context needs no session.
func (m *Manager[T]) DestroyOne(ctx context.Context, user, handle string) error {
	c := m.p.forgetCall(m.p.keyOfUser(user), handle)
	if err := m.p.run(ctx, c); err != nil {
		return err
	}
	if !c.Did() {
		return ErrNoSession
	}
	m.p.deleteRevoked(ctx, user, []string{handle})
	if s, err := m.p.requestOf(ctx); err == nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.state == live && s.tok.handle() == handle {
			s.endedHere()
		}
	}
	return nil
}
