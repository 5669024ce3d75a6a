package session

import (
	"cmp"
	"context"
)

// Create begins a session without a user. If the request has one already, that one ends. Most programs don't need it:
// [Manager.Update], [Manager.Flash] and [Manager.Login] begin a session if the request has none. Errors:
// [ErrCommitted], [ErrTooLarge], or one that wraps [ErrUnavailable].
func (m *Manager[T]) Create(ctx context.Context, data T) error {
	payload, err := m.encode(data)
	if err != nil {
		return err
	}
	return m.withSession(ctx, func(s *requestSession, none error) error {
		if s.committed {
			return ErrCommitted
		}
		if none == nil {
			if err := s.endAs(ctx, replaced); err != nil {
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
	return m.withSession(ctx, func(s *requestSession, none error) error {
		switch {
		case none != nil:
			return cmp.Or(s.superseded(), none)
		case s.committed:
			return ErrCommitted
		}
		return s.renew(ctx)
	})
}

func (s *requestSession) renew(ctx context.Context) error {
	handle := s.tok.handle()
	next := s.tok
	next.renewID()
	hash := next.hash()
	conflicts := newBackoff()
	for range attempts {
		res, err := s.p.save(ctx, handle, s.rec.version, change{body: &s.rec.body, hash: hash[:]})
		switch {
		case err != nil:
			return err
		case res.outcome == stored:
			s.renewed(next, res)
			return nil
		case res.outcome == vanished || !s.tok.admits(&res.other, res.now):
			return s.endedByOthers(handle)
		}
		s.rec = res.other
		if err := s.p.backOff(ctx, conflicts); err != nil {
			return err
		}
	}
	return ErrConflict
}

// Destroy ends the session of the request, for good and everywhere, and makes the client forget its token: logout. When
// it returns nil, no request with the token is let in, and none that is running can store anything. A session that can't be
// decoded here ends, too. Without a session Destroy does nothing and returns nil, but [ErrEnded] if the token has just been
// replaced: the session goes on under the new one. On an error that wraps [ErrUnavailable] the session may still exist. The
// client then keeps its token, to try again.
func (m *Manager[T]) Destroy(ctx context.Context) error {
	return m.withSession(ctx, func(s *requestSession, none error) error {
		switch {
		case none == nil || s.why == unreadable:
			return s.end(ctx)
		case s.why == replaced:
			return ErrEnded
		case s.why != ended:
			s.ended = true
		}
		return nil
	})
}

func (s *requestSession) end(ctx context.Context) error { return s.endAs(ctx, ended) }

// endAs ends the session of the request, whether or not it can be decoded. why is what the mark says in its place.
func (s *requestSession) endAs(ctx context.Context, why absence) error {
	if err := s.p.end(ctx, &s.tok, s.p.markCall(s.tok.handle(), why)); err != nil {
		return err
	}
	s.p.report(Event{Kind: Destroyed, Handle: s.tok.handle(), User: s.rec.body.user})
	s.endedHere()
	return nil
}
