package session

import (
	"context"
	"errors"
	"time"

	"github.com/jollyjet/aside/internal/redisx"
)

// change is what a save writes.
type change struct {
	body *body

	hash   []byte // of a new id; nil keeps the id
	grace  time.Duration
	sealed [idBytes]byte

	idle, absolute time.Duration // new times at a login, else 0
}

type outcome uint8

const (
	stored     outcome = iota
	vanished           // the session was ended meanwhile
	conflicted         // somebody else changed the session first
)

// saved is the result of a save.
type saved struct {
	outcome outcome
	now     int64  // by the server's clock
	version string // of the session if it was stored
	other   record // conflicted: the session as the other writer left it
}

// save stores a change if the session still has the version that was read. A change to a session that was revoked in
// between counts as not stored, because nobody can read it.
func (p *protocol) save(ctx context.Context, handle, version string, c change) (saved, error) {
	if c.body.size() > p.maxBytes {
		return saved{}, ErrTooLarge
	}
	s := saved{version: newVersion()}
	raw := c.body.append(nil)
	calls := []*redisx.Call{{Script: saveScript, Key: p.sessionKey(handle), Args: []any{
		version, s.version, raw, c.hash, millis(c.grace), c.sealed[:], millis(c.idle), millis(c.absolute),
	}}}
	if c.body.user != "" {
		calls = append(calls, p.memberCall(c.body.user, handle))
	}
	if err := p.run(ctx, calls...); err != nil {
		return saved{}, err
	}
	n, texts, err := parseReply(calls[0])
	switch {
	case err != nil || len(n) == 0:
		return saved{}, p.failure(ctx, errors.Join(err, errReply))
	case n[0] == 1 && len(calls) == 2 && !calls[1].Did():
		s.outcome = vanished
		return s, nil
	case n[0] == 1 && len(n) == 2:
		s.now = n[1]
		p.countSave(len(raw))
		return s, nil
	case n[0] == -2 && len(n) == 2 && len(texts) == 1:
		var ok bool
		if s.other, ok = parseRecord(texts[0]); ok && p.valid(s.other.body.payload) {
			s.outcome, s.now = conflicted, n[1]
			p.report(Event{Kind: Conflict, Handle: handle, User: c.body.user})
			return s, nil
		}
	}
	if n[0] != -1 {
		p.report(Event{Kind: Undecodable, Handle: handle})
	}
	s.outcome = vanished
	return s, nil
}
