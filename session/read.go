package session

import (
	"context"
	"crypto/subtle"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/jollyjet/aside/internal/redisx"
)

// found is a session as it was read.
type found struct {
	record
	left  time.Duration // until it expires
	stale bool          // the token's id was replaced, and is in its grace period
}

// read looks a session up, in one round trip: is it there, is the token's id its id, and is it still among the sessions
// of its user? The error is ErrNoSession, or wraps ErrUnavailable.
func (e *engine) read(ctx context.Context, t *token) (found, error) {
	e.loads.Add(1)
	handle := t.handle()
	raw, left, member, err := e.fetch(ctx, t, handle)
	if err != nil {
		return found{}, e.judge(ctx, err)
	}
	if raw == "" {
		return found{}, e.nothing(ctx, t, handle, member)
	}
	r, ok := parseRecord(raw)
	// A session that would never expire was not stored by this package.
	if !ok || left == -1 || !e.valid(r.body.payload) {
		e.report(Event{Kind: Undecodable, Handle: handle})
		return found{}, ErrNoSession
	}
	f := found{record: r, left: left}
	if f.stale, err = e.verify(ctx, t, &r); err != nil {
		return found{}, err
	}
	if r.body.user != "" && !member {
		e.report(Event{Kind: Revoked, Handle: handle, User: r.body.user})
		_ = e.run(ctx, e.dropCall(handle))
		return found{}, ErrNoSession
	}
	return f, nil
}

func (e *engine) fetch(ctx context.Context, t *token, handle string) (raw string, left time.Duration, member bool, err error) {
	key := e.sessionKey(handle)
	get, ttl := redisx.Get(key), &redisx.Call{Name: "pttl", Key: key}
	calls := []*redisx.Call{get, ttl}
	var score *redisx.Call
	if t.bound {
		score = &redisx.Call{Name: "zscore", Key: e.userKey(t.locator), Args: []any{handle}}
		calls = append(calls, score)
	}
	if err := redisx.Run(ctx, e.rdb, calls...); err != nil {
		return "", 0, false, err
	}
	if redis.HasErrorPrefix(get.Reply.Err(), "WRONGTYPE") {
		return "?", 0, false, nil // undecodable
	}
	if get.Reply.Err() == nil {
		if raw, err = get.Reply.Text(); err != nil {
			return "", 0, false, err
		}
	}
	ms, err := ttl.Reply.Int64()
	if err != nil {
		return "", 0, false, err
	}
	if left = time.Duration(ms) * time.Millisecond; ms < 0 { // no expiry, or no key
		left = time.Duration(ms)
	}
	return raw, left, score != nil && score.Reply.Err() == nil, nil
}

// nothing says why there is no session. One that was ended is no longer among those of its user, one that expired is.
func (e *engine) nothing(ctx context.Context, t *token, handle string, member bool) error {
	if !member {
		e.report(Event{Kind: Missing, Handle: handle})
		return ErrNoSession
	}
	e.report(Event{Kind: Expired, Handle: handle})
	_ = e.run(ctx, e.forgetCall(e.userKey(t.locator), handle)) // or its time in there ends
	return ErrNoSession
}

// verify checks that the token is one of the session: the right locator, and the id, or the one before in its grace
// period.
func (e *engine) verify(ctx context.Context, t *token, r *record) (stale bool, err error) {
	if t.belongs(r) {
		if hash := t.hash(); same(hash, r.hash) {
			return false, nil
		} else if r.hasPrevious && same(hash, r.previous) {
			good, err := e.inGrace(ctx, t)
			if err != nil {
				return false, err
			}
			if good {
				return true, nil
			}
		}
	}
	e.report(Event{Kind: Missing, Handle: t.handle()})
	return false, ErrNoSession
}

// belongs tells whether the token has the locator of the session's user. Another one would ask the wrong set of
// sessions.
func (t *token) belongs(r *record) bool {
	if r.body.user == "" {
		return !t.bound
	}
	return t.bound && t.locator == locatorOf(r.body.user)
}

func same(a, b [32]byte) bool { return subtle.ConstantTimeCompare(a[:], b[:]) == 1 }
