package session

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/jollyjet/aside/internal/redisx"
)

// bound is what became of a bind.
type bound uint8

const (
	accepted bound = iota
	refused        // the user has too many
	foreign        // it had to be a session of the user, and is none
)

// bind makes a session valid for its user. If that is one too many, others go, or it is refused.
func (e *engine) bind(ctx context.Context, user, handle string, ttl time.Duration, mustBe bool) (bound, error) {
	policy, must := "evict", "0"
	if e.policy == Refuse {
		policy = "refuse"
	}
	if mustBe {
		must = "1"
	}
	for first := true; ; first = false {
		n, evicted, err := e.ask(ctx, bindScript, e.keyOfUser(user), handle, millis(ttl), e.max, policy, must)
		if err != nil {
			return refused, err
		}
		switch n[0] {
		case 1:
			e.revoked(ctx, user, evicted)
			return accepted, nil
		case -1:
			return foreign, nil
		}
		// Some that count may be gone all the same: lost by Redis, or ended when the set could not be reached.
		if !first {
			return refused, nil
		}
		if swept, err := e.sweepUser(ctx, e.keyOfUser(user)); err != nil || swept == 0 {
			return refused, err
		}
	}
}

func (e *engine) lifetime() time.Duration { return min(e.idle, e.absolute) }

// open begins a session for a user. It becomes valid last, when nothing can fail any more, and before anybody has its
// token. No other session is ever bound, so what was revoked once can't get back among those of a user.
func (e *engine) open(ctx context.Context, b *body) (token, record, error) {
	tok := newToken()
	tok.bindTo(b.user)
	rec, err := e.create(ctx, &tok, b)
	if err != nil {
		return token{}, record{}, err
	}
	did, err := e.bind(ctx, b.user, tok.handle(), e.lifetime(), false)
	if err == nil && did != accepted {
		err = ErrTooMany
	}
	if err != nil {
		e.undo(ctx, &tok)
		return token{}, record{}, err
	}
	return tok, rec, nil
}

// undo ends a session whose token nobody has. It is tried once also for a caller who has given up: what it stands for
// may have been carried out although no reply came.
func (e *engine) undo(ctx context.Context, t *token) {
	ctx, done := redisx.Linger(ctx)
	defer done()
	_ = e.end(ctx, t)
}

// loginNew begins a session for a user, without data.
func (s *scope) loginNew(ctx context.Context, user, label string) error {
	tok, rec, err := s.e.open(ctx, &body{user: user, label: label})
	if err != nil {
		return err
	}
	s.begin(tok, rec)
	s.e.report(Event{Kind: LoggedIn, Handle: tok.handle(), User: user})
	return nil
}

// loginMove begins a session for a user with the data of the anonymous one that the request has, and ends that. It is
// not done if either was ended meanwhile.
func (s *scope) loginMove(ctx context.Context, user, label string) (done bool, err error) {
	b := s.rec.body
	b.user, b.label = user, label
	tok, rec, err := s.e.open(ctx, &b)
	if err != nil {
		return false, err
	}
	did, err := s.take(ctx, &tok, &rec)
	if err != nil || did == vanished {
		s.e.undo(ctx, &tok)
		if err == nil {
			s.state = none
		}
		return false, err
	}
	s.rec = rec
	s.become(tok)
	s.e.report(Event{Kind: LoggedIn, Handle: tok.handle(), User: user})
	return true, nil
}

// take ends the anonymous session of the request. If somebody else changed it since it was read, the one that goes on in
// its place, of token t and record r, gets what was there at the end.
func (s *scope) take(ctx context.Context, t *token, r *record) (outcome, error) {
	hash := s.tok.hash()
	call := &redisx.Call{Script: takeScript, Key: s.e.sessionKey(s.tok.handle()), Args: []any{hash[:], s.rec.version}}
	member := s.e.memberCall(r.body.user, t.handle())
	if err := s.e.run(ctx, call, member); err != nil {
		return vanished, err
	}
	n, texts, err := reply(call)
	switch {
	case err != nil || len(n) == 0:
		return vanished, s.e.judge(ctx, errors.Join(err, errReply))
	case n[0] == 0 || !member.Did():
		return vanished, nil
	case len(texts) == 0:
		return stored, nil
	}
	last, ok := parseRecord(texts[0])
	if !ok || !s.e.valid(last.body.payload) {
		s.e.report(Event{Kind: Undecodable, Handle: s.tok.handle()})
		return vanished, nil
	}
	s.e.report(Event{Kind: Conflict, Handle: s.tok.handle(), User: r.body.user})
	r.body.payload, r.body.flashes = last.body.payload, last.body.flashes
	res, err := s.e.save(ctx, t.handle(), r.version, change{body: &r.body})
	r.version = res.version
	return res.outcome, err
}

// loginAgain gives the session of the request, which is that of the user, a new id and new times. It is not done if
// the session was ended or revoked meanwhile.
func (s *scope) loginAgain(ctx context.Context, user, label string) (done bool, err error) {
	handle := s.tok.handle()
	next := s.tok
	next.renewID()
	hash := next.hash()
	for conflicts := range attempts {
		began := time.Now()
		did, err := s.e.bind(ctx, user, handle, s.e.lifetime(), true)
		if err != nil {
			return false, err
		}
		if did != accepted {
			s.state = none
			_ = s.e.run(ctx, s.e.dropCall(handle))
			return false, nil
		}
		b := s.rec.body
		b.label = label
		// What passed since the bind is taken off, so that the session does not outlive its entry among those of the
		// user. The entry's clock is another server's; durations are all that can be compared.
		late := time.Since(began)
		res, err := s.e.save(ctx, handle, s.rec.version, change{
			body: &b, hash: hash[:], idle: max(s.e.idle-late, time.Millisecond), absolute: max(s.e.absolute-late, time.Millisecond),
		})
		switch {
		case err != nil:
			return false, err
		case res.outcome == stored:
			s.loggedIn(next, b, res)
			return true, nil
		case res.outcome == vanished:
			s.state = none
			_ = s.e.end(ctx, &next)
			return false, nil
		case !s.tok.admits(&res.other, res.now): // another request has just done the same
			s.state = none
			return false, nil
		}
		s.rec = res.other
		if err := s.e.pause(ctx, conflicts); err != nil {
			return false, err
		}
	}
	return false, ErrConflict
}

func (s *scope) loggedIn(next token, b body, res saved) {
	s.rec.body, s.rec.version, s.rec.hash, s.rec.hasPrevious = b, res.version, next.hash(), false
	s.rec.began, s.rec.seen, s.rec.deadline = res.now, res.now, res.now+s.e.absolute.Milliseconds()
	s.become(next)
	s.e.report(Event{Kind: LoggedIn, Handle: next.handle(), User: b.user})
}

// sweepUser drops what is no session any more from those of a user.
func (e *engine) sweepUser(ctx context.Context, userKey string) (swept int64, err error) {
	n, handles, err := e.ask(ctx, pruneScript, userKey)
	if err != nil {
		return 0, err
	}
	swept = n[0]
	for part := range slices.Chunk(handles, batch) {
		gone, err := e.without(ctx, part)
		if err != nil {
			return swept, err
		}
		if len(gone) == 0 {
			continue
		}
		calls := make([]*redisx.Call, len(gone))
		for i, h := range gone {
			calls[i] = e.forgetCall(userKey, h)
		}
		if err := e.run(ctx, calls...); err != nil {
			return swept, err
		}
		swept += int64(len(gone))
	}
	return swept, nil
}

// without returns those handles that have no session.
func (e *engine) without(ctx context.Context, handles []string) (gone []string, err error) {
	raws, err := e.heads(ctx, handles)
	for i, raw := range raws {
		if raw == "" {
			gone = append(gone, handles[i])
		}
	}
	return gone, err
}
