package session

import (
	"context"
	"errors"
	"time"

	"github.com/jollyjet/aside/internal/redisx"
)

// change is what a save does.
type change struct {
	body *body

	hash   []byte // of a new id, or nil
	grace  time.Duration
	sealed [idBytes]byte

	idle, absolute time.Duration // 0 but at a login
}

type outcome uint8

const (
	stored   outcome = iota
	vanished         // it was ended meanwhile
	outrun           // somebody else changed it
)

// saved is what became of a save.
type saved struct {
	outcome outcome
	now     int64  // by the server's clock
	version string // what was stored, also if in vain
	other   record // outrun: what is there
}

// save stores a change of the version that was read, or nothing. What is stored in a session that was revoked in
// between counts as not stored: nobody will read it.
func (e *engine) save(ctx context.Context, handle, version string, c change) (saved, error) {
	if c.body.size() > e.maxBytes {
		return saved{}, ErrTooLarge
	}
	s := saved{version: newVersion()}
	raw := c.body.append(nil)
	calls := []*redisx.Call{{Script: saveScript, Key: e.sessionKey(handle), Args: []any{
		version, s.version, raw, c.hash, millis(c.grace), c.sealed[:], millis(c.idle), millis(c.absolute),
	}}}
	if c.body.user != "" {
		calls = append(calls, e.memberCall(c.body.user, handle))
	}
	if err := e.run(ctx, calls...); err != nil {
		return saved{}, err
	}
	n, texts, err := reply(calls[0])
	switch {
	case err != nil || len(n) == 0:
		return saved{}, e.judge(ctx, errors.Join(err, errReply))
	case n[0] == 1 && len(calls) == 2 && !calls[1].Did():
		s.outcome = vanished
		return s, nil
	case n[0] == 1 && len(n) == 2:
		s.now = n[1]
		e.saves.Add(1)
		e.size.Add(uint64(len(raw)))
		return s, nil
	case n[0] == -2 && len(n) == 2 && len(texts) == 1:
		var ok bool
		if s.other, ok = parseRecord(texts[0]); ok && e.valid(s.other.body.payload) {
			s.outcome, s.now = outrun, n[1]
			e.report(Event{Kind: Conflict, Handle: handle, User: c.body.user})
			return s, nil
		}
	}
	if n[0] != -1 {
		e.report(Event{Kind: Undecodable, Handle: handle})
	}
	s.outcome = vanished
	return s, nil
}

// admits tells whether the token is still one of the session after somebody else changed it.
func (t *token) admits(r *record, now int64) bool {
	if !t.belongs(r) {
		return false
	}
	hash := t.hash()
	return same(hash, r.hash) || r.hasPrevious && same(hash, r.previous) && r.previousGood > now
}
