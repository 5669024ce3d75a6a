package session

import (
	"context"
	"errors"
)

// load looks up the session of the request once and keeps it. It also extends the session, and renews its id if that is
// due.
func (s *requestSession) load(ctx context.Context) error {
	s.touch()
	switch s.state {
	case live:
		if s.fresh {
			return s.again(ctx)
		}
		return nil
	case none:
		return ErrNoSession
	case gone:
		return ErrEnded
	}
	tokens := s.presented()
	tok, err := s.choose(ctx, tokens)
	if err != nil {
		return err
	}
	if tok == nil {
		s.state = none
		return ErrNoSession
	}
	return s.lookUp(ctx, *tok)
}

// peek is load for callers that only read. It returns a copy, and is called without mu held.
func (s *requestSession) peek(ctx context.Context) (rec record, handle string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.away && s.state == unread {
		return record{}, "", ErrNoSession
	}
	if err := s.load(ctx); err != nil {
		if s.p.anonymous && errors.Is(err, ErrUnavailable) && ctx.Err() == nil {
			s.away = true
			err = ErrNoSession
		}
		return record{}, "", err
	}
	return s.rec, s.tok.handle(), nil
}

// lookUp reads the session of a token, for the first time or again.
func (s *requestSession) lookUp(ctx context.Context, tok token) error {
	f, err := s.p.read(ctx, &tok)
	if errors.Is(err, ErrNoSession) {
		s.state, s.tok, s.why, s.heir = none, tok, f.why, f.heir
		return err
	}
	if err != nil {
		return err
	}
	s.state, s.why, s.tok, s.rec = live, noToken, tok, f.record
	if f.inGrace {
		s.adoptRenewedID()
	}
	return s.use(ctx, &f)
}

// adoptRenewedID gives the client the id that replaced its own. Its requests run in parallel, or the response that
// carried the id was lost.
func (s *requestSession) adoptRenewedID() {
	if s.request == nil || s.committed {
		return
	}
	next := s.tok
	next.id = unseal(s.tok.id, s.rec.sealed)
	if same(next.hash(), s.rec.hash) {
		s.replaceToken(next)
	}
}

// use extends the session and renews its id, if enough time has passed.
func (s *requestSession) use(ctx context.Context, f *found) error {
	if s.observes {
		return nil
	}
	since := s.p.unseen(f)
	if since >= 0 && (f.final || since < s.p.idle/10) {
		return nil
	}
	alive, age, err := s.p.slide(ctx, &s.tok)
	if err != nil {
		return nil //nolint:nilerr // it was reported, and the session is valid for a while
	}
	if !alive {
		s.state, s.why = none, ended
		return ErrNoSession
	}
	if s.p.renew > 0 && age >= s.p.renew && s.request != nil && !s.committed && !f.inGrace {
		s.renewInUse(ctx)
	}
	return nil
}

func (s *requestSession) renewInUse(ctx context.Context) {
	next := s.tok
	next.renewID()
	hash := next.hash()
	res, err := s.p.save(ctx, s.tok.handle(), s.rec.version, change{
		body: &s.rec.body, hash: hash[:], grace: s.p.grace, sealed: seal(s.tok.id, next.id),
	})
	if err != nil || res.outcome != stored {
		return // another request has renewed it, or the next use tries again
	}
	s.renewed(next, res)
}

// again reads a session that the request follows. It is called with mu held.
func (s *requestSession) again(ctx context.Context) error {
	err := s.lookUp(ctx, s.tok)
	// If the watch has found the end meanwhile, the error is only that of its context.
	if errors.Is(err, ErrNoSession) || err != nil && s.watch != nil && errors.Is(context.Cause(s.watch.ctx), ErrEnded) {
		s.over()
		return ErrEnded
	}
	return err
}
