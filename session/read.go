package session

import (
	"context"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/jollyjet/aside/internal/redisx"
)

// found is a session as it was read.
type found struct {
	record
	left    time.Duration // until it expires
	inGrace bool          // the token's id was replaced, and is in its grace period
	why     absence       // where there is no session
	heir    string        // the session in its place, if there is one; for logins
}

// read looks up a session, in one round trip. It checks that the session exists, that the token has its id, and that it
// is still in the set of its user. The error is ErrNoSession or wraps ErrUnavailable.
func (p *protocol) read(ctx context.Context, t *token) (found, error) {
	p.loads.Add(1)
	handle := t.handle()
	raw, left, member, err := p.fetch(ctx, t, handle)
	if err != nil {
		return found{}, p.failure(ctx, err)
	}
	if raw == "" {
		return p.absent(ctx, t, handle, member)
	}
	r, ok := parseRecord(raw)
	// This package stores no session without an expiry.
	if !ok || left == -1 || !p.valid(r.body.payload) {
		p.report(Event{Kind: Undecodable, Handle: handle})
		return found{why: unreadable}, ErrNoSession
	}
	f := found{record: r, left: left}
	if f.inGrace, f.why, err = p.verify(ctx, t, &r); err != nil {
		return found{why: f.why, heir: handle}, err
	}
	if r.body.user != "" && !member {
		p.report(Event{Kind: Revoked, Handle: handle, User: r.body.user})
		_ = p.run(ctx, p.markCall(handle, ended), p.dropCall(handle)) // it is invalid in any case
		return found{why: ended}, ErrNoSession
	}
	return f, nil
}

func (p *protocol) fetch(ctx context.Context, t *token, handle string) (raw string, left time.Duration, member bool, err error) {
	key := p.sessionKey(handle)
	get, ttl := redisx.Get(key), &redisx.Call{Name: "pttl", Key: key}
	calls := []*redisx.Call{get, ttl}
	var score *redisx.Call
	if t.bound {
		score = &redisx.Call{Name: "zscore", Key: p.userKey(t.locator), Args: []any{handle}}
		calls = append(calls, score)
	}
	if err := redisx.Run(ctx, p.rdb, calls...); err != nil {
		return "", 0, false, err
	}
	p.memory.Used()
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

// absent reports why a session does not exist. A session that was ended is no longer in the set of its user; one that
// expired still is.
func (p *protocol) absent(ctx context.Context, t *token, handle string, member bool) (found, error) {
	if member {
		p.report(Event{Kind: Expired, Handle: handle})
		_ = p.run(ctx, p.forgetCall(p.userKey(t.locator), handle)) // if this fails, the entry expires
		return found{why: unknown}, ErrNoSession
	}
	why, heir, late, err := p.marked(ctx, handle)
	switch {
	case err != nil:
		return found{}, err
	case late:
		p.report(Event{Kind: Reused, Handle: handle})
	default:
		p.report(Event{Kind: Missing, Handle: handle})
	}
	return found{why: why, heir: heir}, ErrNoSession
}

// verify checks that the token is valid for the session: it has the right locator, and the id, or the previous id in
// its grace period.
func (p *protocol) verify(ctx context.Context, t *token, r *record) (graced bool, why absence, err error) {
	if !t.belongs(r) {
		p.report(Event{Kind: Missing, Handle: t.handle()})
		return false, unknown, ErrNoSession
	}
	hash := t.hash()
	if t.anyID || same(hash, r.hash) {
		return false, noToken, nil
	}
	kind := Missing
	if r.hasPrevious && same(hash, r.previous) {
		switch age, err := p.checkGrace(ctx, t); {
		case err != nil:
			return false, noToken, err
		case age == inGrace:
			return true, noToken, nil
		case age == longReplaced:
			kind = Reused
		}
	}
	p.report(Event{Kind: kind, Handle: t.handle(), User: r.body.user})
	return false, replaced, ErrNoSession
}

// How long ago an id was replaced; see lua/grace.lua.
const (
	longReplaced = 0
	inGrace      = 1
)

// checkGrace asks whether the replaced id of the token is still in its grace period, by the clock of the server.
func (p *protocol) checkGrace(ctx context.Context, t *token) (age int64, err error) {
	hash := t.hash()
	c := &redisx.Call{Script: graceScript, Key: p.sessionKey(t.handle()), Args: []any{hash[:], millis(p.grace)}}
	if err := p.run(ctx, c); err != nil {
		return 0, err
	}
	age, err = c.Reply.Int64()
	return age, p.failure(ctx, err)
}
