package session

import (
	"context"
	"errors"
	"strings"
)

const (
	maxUser  = 512
	maxLabel = 256
)

func ignoreNone(err error) error {
	if errors.Is(err, ErrNoSession) {
		return nil
	}
	return err
}

// locked runs do on the scope of the context after its session was looked up. err is that of the lookup, if it is only
// that there is no session.
func (m *Manager[T]) locked(ctx context.Context, do func(s *scope, err error) error) error {
	s, err := m.e.scope(ctx)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	err = s.load(ctx)
	if ignoreNone(err) != nil {
		return err
	}
	return do(s, err)
}

// Create begins a session without a user. If the request has one already, that one ends. Most programs don't need it:
// [Manager.Update], [Manager.Flash] and [Manager.Login] begin a session where there is none. Errors: [ErrCommitted],
// [ErrTooLarge], or one that wraps [ErrUnavailable].
func (m *Manager[T]) Create(ctx context.Context, data T) error {
	payload, err := m.e.codec.Marshal(data)
	if err != nil {
		return err
	}
	return m.locked(ctx, func(s *scope, none error) error {
		if s.committed {
			return ErrCommitted
		}
		if none == nil {
			if err := s.end(ctx); err != nil {
				return err
			}
		}
		return s.create(ctx, &body{payload: payload})
	})
}

// Renew gives the session a new id and ends the old one at once (ASVS 5.0 7.2.4, OWASP: after any change of privilege).
// The data, the user and the absolute deadline stay. Requests with the old id that are still running can't change the
// session any more. Errors: [ErrNoSession], [ErrEnded], [ErrCommitted], or one that wraps [ErrUnavailable].
func (m *Manager[T]) Renew(ctx context.Context) error {
	return m.locked(ctx, func(s *scope, none error) error {
		switch {
		case none != nil:
			return none
		case s.committed:
			return ErrCommitted
		}
		return s.renew(ctx)
	})
}

func (s *scope) renew(ctx context.Context) error {
	handle := s.tok.handle()
	next := s.tok
	next.renewID()
	hash := next.hash()
	for conflicts := range attempts {
		res, err := s.e.save(ctx, handle, s.rec.version, change{body: &s.rec.body, hash: hash[:]})
		switch {
		case err != nil:
			return err
		case res.outcome == stored:
			s.renewed(next, res)
			return nil
		case res.outcome == vanished || !s.tok.admits(&res.other, res.now):
			return s.lost(handle)
		}
		s.rec = res.other
		if err := s.e.pause(ctx, conflicts); err != nil {
			return err
		}
	}
	return ErrConflict
}

// Login begins the session of a user who has just proved who they are: with a new token, and idle and absolute time from
// now (ASVS 5.0 7.2.4). It takes the place of a session without a user, which ends at once and whose data go on in it. A
// user who is logged in already, and authenticates again, keeps the session, under a new id; the old one ends at once. A
// session that belonged to somebody else is ended, and the user begins one without data; so does a request without a
// session, or whose session ended meanwhile.
//
// The session is valid from then until it expires, is destroyed, or revoked through its user. Errors: [ErrUser],
// [ErrTooMany], [ErrCommitted], [ErrTooLarge], [ErrConflict], or one that wraps [ErrUnavailable]: the client then gets no
// new token.
func (m *Manager[T]) Login(ctx context.Context, user string) error {
	if user == "" || len(user) > maxUser {
		return ErrUser
	}
	s, err := m.e.scope(ctx)
	if err != nil {
		return err
	}
	label := s.describe()
	return m.locked(ctx, func(s *scope, none error) error {
		if s.committed {
			return ErrCommitted
		}
		var done bool
		var err error
		switch {
		case none != nil:
		case s.rec.body.user == "":
			done, err = s.loginMove(ctx, user, label)
		case s.rec.body.user == user:
			done, err = s.loginAgain(ctx, user, label)
		default:
			err = s.end(ctx)
		}
		if done || err != nil {
			return err
		}
		return s.loginNew(ctx, user, label)
	})
}

// describe is called without mu held.
func (s *scope) describe() string {
	if s.request == nil {
		return ""
	}
	label := s.e.describe(s.request)
	return strings.ToValidUTF8(label[:min(len(label), maxLabel)], "")
}

// Destroy ends the session of the request, for good and everywhere, and makes the client forget its token: logout. When
// it returns nil no request with the token is let in, and none that is running can store anything. Without a session
// there is nothing to do, and no error. On an error that wraps [ErrUnavailable] the session may still be there, and the
// client keeps its token, to try again.
func (m *Manager[T]) Destroy(ctx context.Context) error {
	return m.locked(ctx, func(s *scope, none error) error {
		if none != nil {
			s.left()
			return nil
		}
		return s.end(ctx)
	})
}

func (s *scope) end(ctx context.Context) error {
	if err := s.e.end(ctx, &s.tok); err != nil {
		return err
	}
	s.e.report(Event{Kind: Destroyed, Handle: s.tok.handle(), User: s.rec.body.user})
	s.left()
	return nil
}
