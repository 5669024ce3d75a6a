package session

import (
	"bytes"
	"context"
	"errors"
	"slices"
)

// attempts bounds the tries to store one change. On one node writers take turns, so each failed try is a success of
// another node.
const attempts = 500

// errMoved says that the request logged in meanwhile, and another session goes on in place of the one it had.
var errMoved = errors.New("session: moved")

// edit changes a body in place and tells whether it did. It may be called several times.
type edit func(*body) (changed bool, err error)

// update applies an edit to the session of the request, or to a new one. An edit that is lax may go by what the request
// has read before; otherwise that there is nothing to change is said only of what is there now.
func (s *scope) update(ctx context.Context, lax bool, apply edit) error {
	for {
		s.mu.Lock()
		before := s.state
		err := s.load(ctx)
		tok, rec := s.tok, s.rec
		s.mu.Unlock()
		if err == nil {
			if err = s.amend(ctx, tok.handle(), rec, lax || before == unread, apply); err != errMoved { //nolint:errorlint // it is ours
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

// start begins a session with what the edit puts into it. It asks to try again if another goroutine did so first.
func (s *scope) start(ctx context.Context, apply edit) (again bool, err error) {
	var b body
	if changed, err := apply(&b); err != nil || !changed {
		return false, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state != none {
		return true, nil
	}
	return false, s.create(ctx, &b)
}

func (s *scope) create(ctx context.Context, b *body) error {
	if s.committed {
		return ErrCommitted
	}
	tok := newToken()
	rec, err := s.e.create(ctx, &tok, b)
	if err != nil {
		return err
	}
	s.begin(tok, rec)
	s.e.report(Event{Kind: Created, Handle: tok.handle()})
	return nil
}

// amend applies an edit to a session, on top of what others do to it meanwhile.
func (s *scope) amend(ctx context.Context, handle string, rec record, fresh bool, apply edit) error {
	release, err := s.e.locks.acquire(ctx, handle)
	if err != nil {
		return err
	}
	defer release()
	for conflicts := range attempts {
		b := rec.body
		changed, err := apply(&b)
		if err != nil || !changed {
			if fresh {
				return err
			}
			if rec, err = s.again(ctx, handle); err != nil {
				return err
			}
			fresh = true
			continue
		}
		res, err := s.e.save(ctx, handle, rec.version, change{body: &b})
		if err != nil {
			return err
		}
		switch {
		case res.outcome == stored:
			s.note(handle, rec, b, res.version)
			return nil
		case res.outcome == vanished || !s.admitted(handle, &res.other, res.now):
			s.mu.Lock()
			defer s.mu.Unlock()
			if s.moved(handle) {
				return errMoved
			}
			return s.lost(handle)
		}
		rec, fresh = res.other, true
		if err := s.e.pause(ctx, conflicts); err != nil {
			return err
		}
	}
	return ErrConflict
}

// again reads the session once more.
func (s *scope) again(ctx context.Context, handle string) (record, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.moved(handle) {
		return record{}, errMoved
	}
	if s.state != live || s.tok.handle() != handle {
		return record{}, ErrEnded
	}
	if err := s.look(ctx, s.tok); err != nil {
		if errors.Is(err, ErrNoSession) {
			s.state = live // until a moment ago
			err = s.lost(handle)
		}
		return record{}, err
	}
	return s.rec, nil
}

// admitted tells whether the session is still that of the request, though somebody else changed it.
func (s *scope) admitted(handle string, r *record, now int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state != live || s.tok.handle() != handle {
		return false
	}
	return s.tok.admits(r, now) || slices.ContainsFunc(s.former, func(t token) bool { return t.admits(r, now) })
}

// note keeps what was stored as what the request has read.
func (s *scope) note(handle string, rec record, b body, version string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state == live && s.tok.handle() == handle {
		rec.body, rec.version = b, version
		s.rec = rec
	}
}

// editData is the edit that applies a function to the data.
func (m *Manager[T]) editData(apply func(*T) error) edit {
	return func(b *body) (bool, error) {
		v, err := m.decode(b.payload)
		if err != nil {
			return false, err
		}
		before := b.payload
		if before == nil {
			if before, err = m.e.codec.Marshal(v); err != nil {
				return false, err
			}
		}
		if err := apply(&v); err != nil {
			return false, err
		}
		after, err := m.e.codec.Marshal(v)
		if err != nil {
			return false, err
		}
		b.payload = after
		return !bytes.Equal(before, after), nil
	}
}
