package session

import (
	"context"
	"crypto/sha256"
	"errors"
	"strings"
	"time"

	"github.com/jollyjet/aside/internal/redisx"
)

// Login begins the session of a user who has just proved who they are. It has a new token, and its idle and absolute
// times start now (ASVS 5.0 7.2.4), unless the call gives it a [Lifetime]. What happens depends on the session that the
// request has:
//
//   - One without a user ends at once, and the new session takes over its data.
//   - One of the same user, who has authenticated again, stays and gets a new id; the old id ends at once.
//   - One of another user ends, and the new session has no data.
//   - With none, or one that ended meanwhile, the new session has no data.
//   - With a token that another request of the client has just replaced, by a login of the same user or a new id, the new session
//     takes over that session: two logins at the same time lose no data.
//
// The session is valid until it expires, is destroyed, or is revoked through its user. Errors: [ErrUser], [ErrTooMany],
// [ErrCommitted], [ErrTooLarge], [ErrConflict], or one that wraps [ErrUnavailable]: the client then gets no new token.
func (m *Manager[T]) Login(ctx context.Context, user string, opts ...LoginOption) error {
	if user == "" || len(user) > maxUser {
		return ErrUser
	}
	s, err := m.p.requestOf(ctx)
	if err != nil {
		return err
	}
	label, l := s.describe(), m.p.lifeOf(opts)
	return m.withSession(ctx, func(s *requestSession, _ error) error {
		if s.committed {
			return ErrCommitted
		}
		for range attempts {
			done, err := s.login(ctx, user, label, l)
			if done || err != nil {
				return err
			}
		}
		return ErrConflict
	})
}

// login does what the state of the request's session asks for. done is false if that leaves, or has found, another state.
func (s *requestSession) login(ctx context.Context, user, label string, l life) (done bool, err error) {
	switch owner := s.rec.body.user; {
	case s.state == live && owner == "":
		return s.loginMove(ctx, user, label, l)
	case s.state == live && owner == user:
		return s.loginAgain(ctx, user, label, l)
	case s.state == live || s.why == unreadable:
		return false, s.endAs(ctx, replaced)
	case s.why == replaced && s.heir != "":
		return s.loginHeir(ctx, user, label, l)
	case s.why == unknown: // no request with the same token is to begin a session beside this one
		if err := s.p.run(ctx, s.p.markCall(s.tok.handle(), replaced)); err != nil {
			return false, err
		}
	}
	return true, s.loginNew(ctx, user, label, l)
}

// describe asks the Describe option for the label of the session. It is called without mu held.
func (s *requestSession) describe() string {
	if s.request == nil {
		return ""
	}
	label := s.p.describe(s.request)
	return strings.ToValidUTF8(label[:min(len(label), maxLabel)], "")
}

// loginNew begins a session for a user, without data.
func (s *requestSession) loginNew(ctx context.Context, user, label string, l life) error {
	tok, rec, err := s.p.createFor(ctx, &body{user: user, label: label}, l)
	if err != nil {
		return err
	}
	if s.why == unknown || s.why == replaced {
		// Without the mark the login is as good; only a parallel login does not find it.
		_ = redisx.Run(ctx, s.p.rdb, s.p.markHeirCall(s.tok.handle(), tok.handle()))
	}
	s.begin(tok, rec)
	s.p.report(Event{Kind: LoggedIn, Handle: tok.handle(), User: user})
	return nil
}

// loginMove begins a session for a user with the data of the request's anonymous session, and ends that one. done is
// false if either was ended meanwhile.
func (s *requestSession) loginMove(ctx context.Context, user, label string, l life) (done bool, err error) {
	return s.moveFrom(ctx, s.tok.handle(), s.tok.hash(), user, label, l)
}

// loginHeir is loginMove from the session that another request of the client has just put in the place of its own: one of a
// login of the same user, or its own with another id. done is false if that is somebody else's, or has ended.
func (s *requestSession) loginHeir(ctx context.Context, user, label string, l life) (done bool, err error) {
	handle := s.heir
	s.heir = "" // if it is of no use, the login begins a session without data
	for range maxHeirs {
		get, member := redisx.Get(s.p.sessionKey(handle)), s.p.memberCall(user, handle)
		if err := s.p.run(ctx, get, member); err != nil {
			return false, err
		}
		raw, err := get.Reply.Text()
		if err != nil { // there is none; perhaps yet another login has taken its place
			why, heir, _, err := s.p.marked(ctx, handle)
			if err != nil || why != replaced || heir == "" {
				return false, err
			}
			handle = heir
			continue
		}
		r, ok := parseRecord(raw)
		mine := r.body.user == user && member.Did() || r.body.user == "" && handle == s.tok.handle()
		if !ok || !mine || !s.p.valid(r.body.payload) {
			return false, nil
		}
		s.rec = r
		return s.moveFrom(ctx, handle, r.hash, user, label, l)
	}
	return false, nil
}

// maxHeirs is how many logins in a row, each in the place of the one before, are followed.
const maxHeirs = 32

// moveFrom begins a session for a user with the data of the one in rec, which has a handle and lets in the id with a hash, and
// ends that.
func (s *requestSession) moveFrom(ctx context.Context, handle string, hash [sha256.Size]byte, user, label string, l life) (done bool, err error) {
	from, b := s.rec.body.user, s.rec.body
	b.user, b.label = user, label
	tok, rec, err := s.p.createFor(ctx, &b, l)
	if err != nil {
		return false, err
	}
	result, err := s.takeOver(ctx, handle, hash, &tok, &rec)
	if err != nil || result == vanished {
		s.p.undo(ctx, &tok)
		if err == nil {
			err = ignoreNone(s.lookUp(ctx, s.tok))
		}
		return false, err
	}
	if from != "" {
		_ = redisx.Run(ctx, s.p.rdb, s.p.forgetCall(s.p.keyOfUser(from), handle)) // if this fails, the entry expires
	}
	s.state, s.why = live, noToken
	s.rec = rec
	s.replaceToken(tok)
	s.p.report(Event{Kind: LoggedIn, Handle: tok.handle(), User: user})
	return true, nil
}

// takeOver ends a session in favour of the one with token t and record r. If somebody else changed it since it was read, the
// new one gets its last data first: once the old one has ended, parallel logins find the new one.
func (s *requestSession) takeOver(ctx context.Context, handle string, hash [sha256.Size]byte, t *token, r *record) (outcome, error) {
	version, conflicts := s.rec.version, newBackoff()
	for range attempts {
		n, last, err := s.take(ctx, handle, hash, version, t, r)
		switch {
		case err != nil || n == 0:
			return vanished, err
		case n == 1:
			return stored, nil
		}
		s.p.report(Event{Kind: Conflict, Handle: handle, User: r.body.user})
		version = last.version
		r.body.payload, r.body.flashes = last.body.payload, last.body.flashes
		res, err := s.p.save(ctx, t.handle(), r.version, change{body: &r.body})
		if err != nil || res.outcome != stored {
			return vanished, err
		}
		r.version = res.version
		if err := s.p.backOff(ctx, conflicts); err != nil {
			return vanished, err
		}
	}
	return vanished, ErrConflict
}

// take ends a session that has the version, and marks it as replaced. It returns 1 if it did, 0 if there is none, and 2 and what
// is there if that has another version.
func (s *requestSession) take(ctx context.Context, handle string, hash [sha256.Size]byte, version string, t *token, r *record) (int64, record, error) {
	call := &redisx.Call{
		Script: takeScript, Key: s.p.sessionKey(handle), With: s.p.markKey(handle),
		Args: []any{hash[:], version, textOfHeir(t.handle()), s.p.markTime()},
	}
	member := s.p.memberCall(r.body.user, t.handle())
	if err := s.p.run(ctx, call, member); err != nil {
		return 0, record{}, err
	}
	n, texts, err := parseReply(call)
	switch {
	case err != nil || len(n) == 0:
		return 0, record{}, s.p.failure(ctx, errors.Join(err, errReply))
	case !member.Did():
		return 0, record{}, nil
	case len(texts) == 0:
		return n[0], record{}, nil
	}
	last, ok := parseRecord(texts[0])
	if !ok || !s.p.valid(last.body.payload) {
		s.p.report(Event{Kind: Undecodable, Handle: handle})
		return 0, record{}, nil
	}
	return n[0], last, nil
}

// loginAgain gives the user's own session a new id and new times. done is false if it was ended or revoked meanwhile.
func (s *requestSession) loginAgain(ctx context.Context, user, label string, l life) (done bool, err error) {
	handle := s.tok.handle()
	next := s.tok
	next.renewID()
	hash := next.hash()
	conflicts := newBackoff()
	for range attempts {
		began := time.Now()
		result, err := s.p.bind(ctx, user, handle, l.ttl(), true)
		if err != nil {
			return false, err
		}
		if result != accepted {
			s.state = none
			_ = s.p.run(ctx, s.p.dropCall(handle))
			return false, nil
		}
		b := s.rec.body
		b.label = label
		// The time since the bind is subtracted, so that the session does not outlive its entry in the user's set. The
		// two may have different servers and clocks, so only durations can be compared.
		left := l.less(time.Since(began))
		res, err := s.p.save(ctx, handle, s.rec.version, change{
			body: &b, hash: hash[:], idle: left.idle, absolute: left.absolute,
		})
		switch {
		case err != nil:
			return false, err
		case res.outcome == stored:
			s.loggedIn(next, b, res, l)
			return true, nil
		case res.outcome == vanished:
			s.state = none
			_ = s.p.end(ctx, &next)
			return false, nil
		case !s.tok.admits(&res.other, res.now): // another request has just logged in again, or renewed it
			return false, ignoreNone(s.lookUp(ctx, s.tok))
		}
		s.rec = res.other
		if err := s.p.backOff(ctx, conflicts); err != nil {
			return false, err
		}
	}
	return false, ErrConflict
}

// loggedIn records that the session has a new id and new times.
func (s *requestSession) loggedIn(next token, b body, res saved, l life) {
	s.rec.body, s.rec.version, s.rec.hash, s.rec.hasPrevious = b, res.version, next.hash(), false
	s.rec.began, s.rec.seen, s.rec.deadline = res.now, res.now, res.now+l.absolute.Milliseconds()
	s.rec.final, s.rec.own = l.final(), l.own()
	s.replaceToken(next)
	s.p.report(Event{Kind: LoggedIn, Handle: next.handle(), User: b.user})
}
