package session

import (
	"context"
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

// loginNew begins a session for a user. It becomes valid last, when nothing can fail any more, and before anybody has
// its token.
func (s *scope) loginNew(ctx context.Context, user, label string) error {
	tok := newToken()
	tok.bindTo(user)
	b := body{user: user, label: label}
	rec, err := s.e.create(ctx, &tok, &b)
	if err != nil {
		return err
	}
	did, err := s.e.bind(ctx, user, tok.handle(), s.e.lifetime(), false)
	if err != nil || did != accepted {
		// The bind may have been carried out although no reply came; both have to go.
		undo, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.e.timeout)
		defer cancel()
		_ = s.e.end(undo, &tok)
		if err == nil {
			err = ErrTooMany
		}
		return err
	}
	s.begin(tok, rec)
	s.e.report(Event{Kind: LoggedIn, Handle: tok.handle(), User: user})
	return nil
}

// loginSame binds the session of the request, which belongs to nobody, or to the user already. It is not done if the
// session was ended or revoked meanwhile.
func (s *scope) loginSame(ctx context.Context, user, label string) (done bool, err error) {
	handle := s.tok.handle()
	next := s.tok
	next.renewID()
	next.bindTo(user)
	hash := next.hash()
	for conflicts := range attempts {
		again := s.rec.body.user == user
		began := time.Now()
		did, err := s.e.bind(ctx, user, handle, s.e.lifetime(), again)
		switch {
		case err != nil:
			return false, err
		case did == refused:
			return false, ErrTooMany
		case did == foreign:
			s.state = none
			_ = s.e.run(ctx, s.e.dropCall(handle, s.rec.version))
			return false, nil
		}
		b := s.rec.body
		b.user, b.label = user, label
		// What passed since the bind is taken off, so that the session does not outlive its entry among those of the
		// user. The entry's clock is another server's; durations are all that can be compared.
		late := time.Since(began)
		res, err := s.e.save(ctx, handle, s.rec.version, change{
			body: &b, hash: hash[:], idle: max(s.e.idle-late, time.Millisecond), absolute: max(s.e.absolute-late, time.Millisecond),
		})
		if err == nil && res.outcome == stored {
			s.loggedIn(next, b, res)
			return true, nil
		}
		if err != nil || res.outcome == vanished || !s.tok.admits(&res.other, res.now) {
			s.state = none
			// If it was stored in vain nobody has its token. But if it is still there, and changed, its entry stays: another
			// request may have logged the same user in with it, or is about to. After an error nobody knows; what is left
			// over then has no token, and an end.
			if err == nil && res.outcome == vanished {
				_ = s.e.run(ctx, s.e.forgetCall(s.e.keyOfUser(user), handle), s.e.dropCall(handle, res.version))
			}
			return false, err
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
	for len(handles) > 0 {
		part := handles[:min(batch, len(handles))]
		handles = handles[len(part):]
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
