package session

import (
	"context"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
)

type state uint8

const (
	unread state = iota
	none         // the request has no session, and may begin one
	live
	gone // the request had a session, which others ended; see ErrEnded
)

// requestSession is the session of one request. Its methods are called with mu held, unless they say otherwise.
type requestSession struct {
	p       *protocol
	request *http.Request // nil under Attach
	text    string        // the token, under Attach
	watch   *watch        // under Watch, else nil; set before others know the session

	applying atomic.Int32 // functions given to Update that run now

	fresh    bool // each use reads the session again
	observes bool // and that does not extend it

	// mu guards the fields below. It is held during commands, so that the goroutines of a request work one after the
	// other, but never while a function given to Update or Describe runs. Lock order: a turn in protocol.locks, then mu.
	mu        sync.Mutex
	state     state
	why       absence // none and gone: what became of the session of tok, which the request presented
	heir      string  // the session in the place of the one that is replaced; see Login
	tok       token
	former    []token // tokens that the request itself has replaced by tok
	rec       record
	issued    string // a token that the client does not have yet
	ended     bool   // the client is to forget its token
	loggedOut bool   // a session ended here, and the client is to forget its data
	touched   bool   // the response depends on the token
	several   bool   // the request has different cookies of one name
	varies    bool   // the response headers say so
	committed bool   // the response headers have been sent
	away      bool   // Redis did not answer the look-up; see AnonymousWhenAway
}

// watch is the context of a Watch.
type watch struct {
	ctx    context.Context
	cancel context.CancelCauseFunc
}

type requestKey struct{ p *protocol }

// requestOf returns the session of the request that ctx belongs to.
func (p *protocol) requestOf(ctx context.Context) (*requestSession, error) {
	s, ok := ctx.Value(requestKey{p}).(*requestSession)
	if !ok {
		return nil, ErrNoScope
	}
	return s, nil
}

// with returns a context that carries the session.
func (s *requestSession) with(ctx context.Context) context.Context {
	return context.WithValue(ctx, requestKey{s.p}, s)
}

// presented returns the tokens that came with the request. Malformed ones don't count.
func (s *requestSession) presented() (tokens []token) {
	texts, given := []string{s.text}, s.text != ""
	if s.request != nil {
		texts, given = s.p.tokensOf(s.request)
		s.several = len(texts) > 1
	}
	for _, text := range texts {
		if t, ok := parseToken(text); ok {
			tokens = append(tokens, t)
		}
	}
	if given && len(tokens) == 0 {
		s.p.report(Event{Kind: Malformed})
	}
	return tokens
}

// issue makes the response carry the current token.
func (s *requestSession) issue() { s.issued, s.ended, s.loggedOut = s.tok.String(), false, false }

// begin makes a new session the session of the request.
func (s *requestSession) begin(tok token, rec record) {
	s.state, s.why, s.tok, s.rec, s.former = live, noToken, tok, rec, nil
	s.issue()
}

// replaceToken switches to another token, of the same session or of the session that a login put in its place. Other
// goroutines of the request may go on with what they read under the former token.
func (s *requestSession) replaceToken(next token) {
	s.former = append(s.former, s.tok)
	s.tok = next
	s.issue()
}

// replaced reports whether the request itself has put another session in place of the one with the handle.
func (s *requestSession) replaced(handle string) bool {
	return s.state == live && s.tok.handle() != handle &&
		slices.ContainsFunc(s.former, func(t token) bool { return t.handle() == handle })
}

// renewed records that the session has a new id.
func (s *requestSession) renewed(next token, res saved) {
	s.rec.version, s.rec.hash, s.rec.hasPrevious = res.version, next.hash(), false
	s.replaceToken(next)
	s.p.report(Event{Kind: Renewed, Handle: s.tok.handle(), User: s.rec.body.user})
}

// endedByOthers records that others ended the session, and returns ErrEnded.
func (s *requestSession) endedByOthers(handle string) error {
	if s.state == live && s.tok.handle() == handle { // and the request has not begun another since
		s.state, s.why = gone, ended
		s.over()
	}
	s.p.report(Event{Kind: ResurrectionRefused, Handle: handle, User: s.rec.body.user})
	return ErrEnded
}

// superseded returns ErrEnded if the token that the request presented has just been replaced or ended. Its client may have
// another one by now, whose cookie nothing that this request does may replace or remove.
func (s *requestSession) superseded() error {
	if s.why == replaced || s.why == ended {
		return ErrEnded
	}
	return nil
}

// endedHere records that the request ended its own session.
func (s *requestSession) endedHere() {
	s.state, s.why, s.issued, s.ended, s.loggedOut = none, noToken, "", true, true
	s.over()
}

// over records that a session which is read at each use has ended, and ends the context of its watch.
func (s *requestSession) over() {
	if s.fresh {
		s.state = gone
	}
	if s.watch != nil {
		s.watch.cancel(ErrEnded)
	}
}

// touch records that the response depends on the session. It is called with mu held. A first use that comes after the
// headers is too late only if the client presented nothing: otherwise they say so already.
func (s *requestSession) touch() {
	if s.touched = true; !s.committed || s.varies || s.request == nil {
		return
	}
	s.p.lateUse.Do(func() {
		s.p.conn.Log.Warn("aside: a handler used the session after it had begun its response; nothing says that the response depends on it, "+
			"and a shared cache may give it to others: use the session before the first Write, or set the header Vary",
			"path", s.request.URL.Path, "vary", s.p.vary())
	})
}
