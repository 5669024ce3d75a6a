package session

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"sync"
)

type state uint8

const (
	unread state = iota
	none         // the request has no session, and may begin one
	live
	gone // it had one, which was ended by others; see ErrEnded
)

// scope is the session of one request. Its methods are called with mu held, unless they say otherwise.
type scope struct {
	e       *engine
	request *http.Request // nil under Attach
	text    string        // the token, under Attach

	// mu is held during commands, so that what the goroutines of one request do comes in an order; but never while code
	// of the user runs.
	mu        sync.Mutex
	state     state
	tok       token
	former    []token // what the request itself has replaced by tok
	rec       record
	issued    string // a token that the client does not have yet
	ended     bool   // the client is to forget its token
	touched   bool   // the response depends on the token
	committed bool   // the headers are out
	away      bool   // Redis was when the session was looked up; see AnonymousWhenAway
}

type scopeKey struct{ e *engine }

func (e *engine) scope(ctx context.Context) (*scope, error) {
	s, ok := ctx.Value(scopeKey{e}).(*scope)
	if !ok {
		return nil, ErrNoScope
	}
	return s, nil
}

// load finds the session of the request, once, keeps it alive, and gives it a new id if it is time.
func (s *scope) load(ctx context.Context) error {
	s.touched = true
	switch s.state {
	case live:
		return nil
	case none:
		return ErrNoSession
	case gone:
		return ErrEnded
	}
	tok, ok := s.presented()
	if !ok {
		s.state = none
		return ErrNoSession
	}
	return s.look(ctx, tok)
}

// look reads the session of a token that was presented, or reads it again.
func (s *scope) look(ctx context.Context, tok token) error {
	f, err := s.e.read(ctx, &tok)
	if errors.Is(err, ErrNoSession) {
		s.state = none
		return err
	}
	if err != nil {
		return err
	}
	s.state, s.tok, s.rec = live, tok, f.record
	if f.stale {
		s.adopt()
	}
	return s.use(ctx, &f)
}

// adopt hands the client the id that replaced its own: its requests run in parallel, or the response that had it got
// lost.
func (s *scope) adopt() {
	if s.request == nil || s.committed {
		return
	}
	next := s.tok
	next.id = unseal(s.tok.id, s.rec.sealed)
	if same(next.hash(), s.rec.hash) {
		s.become(next)
	}
}

// become takes another token, of the same session or of that which a login put in its place. What a goroutine of this request read before is still its own.
func (s *scope) become(next token) {
	s.former = append(s.former, s.tok)
	s.tok = next
	s.issue()
}

// moved tells whether the request itself has put another session in place of the one with the handle.
func (s *scope) moved(handle string) bool {
	return s.state == live && s.tok.handle() != handle &&
		slices.ContainsFunc(s.former, func(t token) bool { return t.handle() == handle })
}

// use slides the session, if enough time has passed, and renews its id.
func (s *scope) use(ctx context.Context, f *found) error {
	since := s.e.idle - f.left
	if since >= 0 && (f.final || since < s.e.idle/10) {
		return nil
	}
	alive, age, err := s.e.slide(ctx, &s.tok)
	if err != nil {
		return nil //nolint:nilerr // it was reported, and the session is good for a while
	}
	if !alive {
		s.state = none
		return ErrNoSession
	}
	if s.e.renew > 0 && age >= s.e.renew && s.request != nil && !s.committed && !f.stale {
		s.renewInUse(ctx)
	}
	return nil
}

func (s *scope) renewInUse(ctx context.Context) {
	next := s.tok
	next.renewID()
	hash := next.hash()
	res, err := s.e.save(ctx, s.tok.handle(), s.rec.version, change{
		body: &s.rec.body, hash: hash[:], grace: s.e.grace, sealed: seal(s.tok.id, next.id),
	})
	if err != nil || res.outcome != stored {
		return // the next use tries again, or somebody else has done it
	}
	s.renewed(next, res)
}

// renewed notes that the session has a new id.
func (s *scope) renewed(next token, res saved) {
	s.rec.version, s.rec.hash, s.rec.hasPrevious = res.version, next.hash(), false
	s.become(next)
	s.e.report(Event{Kind: Renewed, Handle: s.tok.handle(), User: s.rec.body.user})
}

func (s *scope) issue() { s.issued, s.ended = s.tok.String(), false }

// begin makes a new session that of the request.
func (s *scope) begin(tok token, rec record) {
	s.state, s.tok, s.rec, s.former = live, tok, rec, nil
	s.issue()
}

// lost notes that others ended the session.
func (s *scope) lost(handle string) error {
	if s.state == live && s.tok.handle() == handle { // and the request has not begun another since
		s.state = gone
	}
	s.e.report(Event{Kind: ResurrectionRefused, Handle: handle, User: s.rec.body.user})
	return ErrEnded
}

// left notes that the request ended its session.
func (s *scope) left() { s.state, s.issued, s.ended = none, "", true }

// peek is load for what only reads, without mu held. It returns a copy.
func (s *scope) peek(ctx context.Context) (rec record, handle string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.away && s.state == unread {
		return record{}, "", ErrNoSession
	}
	if err := s.load(ctx); err != nil {
		if s.e.anonymous && errors.Is(err, ErrUnavailable) && ctx.Err() == nil {
			s.away = true
			err = ErrNoSession
		}
		return record{}, "", err
	}
	return s.rec, s.tok.handle(), nil
}
