package session

import (
	"bytes"
	"context"
	"errors"
	"slices"
)

// errReplaced means that the request logged in meanwhile, and has another session now.
var errReplaced = errors.New("session: replaced")

// Update changes the data of the session with compare-and-set. If somebody else changed the session meanwhile, apply is
// called again with the new data. So it may run several times, should do nothing but change the data, and must not call
// the manager: changes return [ErrWithinUpdate]. The change is stored when Update returns nil; an error of apply is returned
// and nothing is stored. If apply changes nothing, nothing is written.
//
// Without a session a new one begins with the zero T, unless apply leaves it unchanged. If the request had a session
// that was ended meanwhile, or came with a token that was replaced or ended less than [RenewGrace] ago, Update returns
// [ErrEnded] and stores nothing: the client may have another session by now. Other errors:
//
//   - [ErrConflict], [ErrTooLarge], and for a new session [ErrCommitted]: nothing was stored.
//   - The error of the context, if the caller gave up while waiting for its turn: nothing was stored.
//   - One that wraps [ErrUnavailable]: the change may or may not be stored.
func (m *Manager[T]) Update(ctx context.Context, apply func(*T) error) error {
	s, err := m.p.requestOf(ctx)
	if err != nil {
		return err
	}
	return s.update(ctx, false, m.editData(apply))
}

// editData returns the edit that applies a function to the data.
func (m *Manager[T]) editData(apply func(*T) error) edit {
	return func(b *body) (bool, error) {
		v, err := m.decode(b.payload)
		if err != nil {
			return false, err
		}
		before := b.payload
		if before == nil {
			if before, err = m.encode(v); err != nil {
				return false, err
			}
		}
		if err := apply(&v); err != nil {
			return false, err
		}
		after, err := m.encode(v)
		if err != nil {
			return false, err
		}
		b.payload = after
		return !bytes.Equal(before, after), nil
	}
}

// update applies an edit to the session of the request, or to a new one. It is called without mu held. An edit that fails
// or changes nothing may have seen data that the request read earlier. If the session has changed since, it is applied
// again, unless cached is set.
func (s *requestSession) update(ctx context.Context, cached bool, apply edit) error {
	if s.withinUpdate() {
		return ErrWithinUpdate
	}
	for {
		if ctx.Err() != nil { // nothing was sent, so Redis is not to blame
			return context.Cause(ctx)
		}
		s.mu.Lock()
		before := s.state
		err := s.load(ctx)
		tok, rec := s.tok, s.rec
		s.mu.Unlock()
		if err == nil {
			if err = s.amend(ctx, tok.handle(), rec, cached || before == unread, apply); err != errReplaced { //nolint:errorlint // it is never wrapped
				return err
			}
			continue
		}
		if !errors.Is(err, ErrNoSession) || errors.Is(err, ErrEnded) {
			return err
		}
		if again, err := s.start(ctx, apply); !again {
			return err
		}
	}
}

// start begins a session with what the edit puts into it. again is set if another goroutine began one first. It is
// called without mu held.
func (s *requestSession) start(ctx context.Context, apply edit) (again bool, err error) {
	s.mu.Lock()
	err = s.superseded()
	s.mu.Unlock()
	if err != nil {
		return false, err
	}
	var b body
	if changed, err := s.apply(apply, &b); err != nil || !changed {
		return false, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state != none {
		return true, nil
	}
	return false, s.create(ctx, &b)
}

// claim makes sure that the cookie of a new session replaces no other. Of the requests with a token that is not known
// (any more), one begins a session. The others, and those whose token has just been replaced or ended, get ErrEnded.
func (s *requestSession) claim(ctx context.Context) error {
	if err := s.superseded(); err != nil || s.why != unknown {
		return err
	}
	first, err := s.p.claim(ctx, &s.tok)
	if err == nil && !first {
		s.state, s.why, err = gone, replaced, ErrEnded
	}
	return err
}

func (s *requestSession) create(ctx context.Context, b *body) error {
	if s.committed {
		return ErrCommitted
	}
	if err := s.claim(ctx); err != nil {
		return err
	}
	if s.why == unreadable { // else it would go on in programs that can decode it, and nobody could end it
		if err := s.endAs(ctx, replaced); err != nil {
			return err
		}
	}
	tok := newToken()
	rec, err := s.p.create(ctx, &tok, b, s.p.life())
	if err != nil {
		return err
	}
	s.begin(tok, rec)
	s.p.report(Event{Kind: Created, Handle: tok.handle()})
	return nil
}

// amend applies an edit to a session, on top of concurrent changes by others. fresh means that rec is current. It is
// called without mu held, takes the session's turn in protocol.locks first, and mu after it.
func (s *requestSession) amend(ctx context.Context, handle string, rec record, fresh bool, apply edit) error {
	release, err := s.p.locks.acquire(ctx, handle)
	if err != nil {
		return err
	}
	defer release()
	conflicts := newBackoff()
	for range attempts {
		b := rec.body
		changed, failed := s.apply(apply, &b)
		if failed != nil || !changed {
			if fresh || errors.Is(failed, ErrWithinUpdate) {
				return failed
			}
			seen := rec.version
			if rec, err = s.reread(ctx, handle); err != nil {
				return err
			}
			if rec.version == seen { // it has seen what is there
				return failed
			}
			fresh = true
			continue
		}
		res, err := s.p.save(ctx, handle, rec.version, change{body: &b})
		if err != nil {
			return err
		}
		switch {
		case res.outcome == stored:
			s.remember(handle, rec, b, res.version)
			return nil
		case res.outcome == vanished || !s.admitted(handle, &res.other, res.now):
			s.mu.Lock()
			defer s.mu.Unlock()
			if s.replaced(handle) {
				return errReplaced
			}
			return s.endedByOthers(handle)
		}
		rec, fresh = res.other, true
		if err := s.p.backOff(ctx, conflicts); err != nil {
			return err
		}
	}
	return ErrConflict
}

// reread reads the session again. It is called without mu held.
func (s *requestSession) reread(ctx context.Context, handle string) (record, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.replaced(handle) {
		return record{}, errReplaced
	}
	if s.state != live || s.tok.handle() != handle {
		return record{}, ErrEnded
	}
	if err := s.lookUp(ctx, s.tok); err != nil {
		if errors.Is(err, ErrNoSession) {
			s.state = live // it was, until a moment ago
			err = s.endedByOthers(handle)
		}
		return record{}, err
	}
	return s.rec, nil
}

// admitted reports whether the session is still that of the request after somebody else changed it. It is called
// without mu held.
func (s *requestSession) admitted(handle string, r *record, now int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state != live || s.tok.handle() != handle {
		return false
	}
	return s.tok.admits(r, now) || slices.ContainsFunc(s.former, func(t token) bool { return t.admits(r, now) })
}

// remember keeps the stored change as what the request has read. It is called without mu held.
func (s *requestSession) remember(handle string, rec record, b body, version string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state == live && s.tok.handle() == handle {
		rec.body, rec.version = b, version
		s.rec = rec
	}
}
