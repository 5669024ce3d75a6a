package session

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/jollyjet/aside/internal/redisx"
)

// engine is the part of a manager that does not depend on the type of the data.
type engine struct {
	config
	meter
	rdb   *redisx.Client
	locks locks
	valid func(payload []byte) bool // whether it can be decoded
	pause func(ctx context.Context, conflicts int) error
}

func newEngine(given redis.UniversalClient, c config) *engine {
	own, err := redisx.Own(given, redisx.Limits{
		Timeout: c.timeout, Hooks: c.hooks, ShareFrom: c.shareFrom, Log: c.log, Keys: c.namespace + ":*",
	})
	if err != nil {
		panic("session: " + err.Error())
	}
	return &engine{config: c, rdb: own, pause: fallBack}
}

func (e *engine) sessionKey(handle string) string { return e.namespace + ":s:" + handle }

func (e *engine) userKey(locator [locatorBytes]byte) string {
	return e.namespace + ":u:" + nameOf(locator[:])
}

func (e *engine) keyOfUser(user string) string { return e.userKey(locatorOf(user)) }

// run carries out the calls in one round trip; see redisx.Run.
func (e *engine) run(ctx context.Context, calls ...*redisx.Call) error {
	return e.judge(ctx, redisx.Run(ctx, e.rdb, calls...))
}

// judge reports what is Redis's fault and not the caller's, who gave up.
func (e *engine) judge(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() == nil {
		e.report(Event{Kind: Unavailable, Err: err})
	}
	return unavailable(err)
}

func millis(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }

func newVersion() string {
	var v [versionBytes]byte
	_, _ = rand.Read(v[:]) // it never fails
	return string(v[:])
}

var errReply = errors.New("a script's reply has no number")

// reply sorts the integers and the texts of a script's reply.
func reply(c *redisx.Call) (numbers []int64, texts []string, err error) {
	parts, err := c.Reply.Slice()
	if err != nil {
		return nil, nil, err
	}
	for _, p := range parts {
		switch p := p.(type) {
		case int64:
			numbers = append(numbers, p)
		case string:
			texts = append(texts, p)
		default:
			return nil, nil, fmt.Errorf("unexpected reply of type %T", p)
		}
	}
	return numbers, texts, nil
}

// ask runs a script that answers with numbers first and at least one of them.
func (e *engine) ask(ctx context.Context, s *redisx.Script, key string, args ...any) (numbers []int64, texts []string, err error) {
	c := &redisx.Call{Script: s, Key: key, Args: args}
	if err := e.run(ctx, c); err != nil {
		return nil, nil, err
	}
	numbers, texts, err = reply(c)
	if err == nil && len(numbers) == 0 {
		err = errReply
	}
	return numbers, texts, e.judge(ctx, err)
}

// create stores a new session under a new token, and is the only way by which one comes to be.
func (e *engine) create(ctx context.Context, t *token, b *body) (record, error) {
	if b.size() > e.maxBytes {
		return record{}, ErrTooLarge
	}
	r := record{final: e.absolute <= e.idle, version: newVersion(), hash: t.hash(), body: *b}
	raw := b.append(nil)
	n, _, err := e.ask(ctx, createScript, e.sessionKey(t.handle()),
		r.version, r.hash[:], millis(e.idle), millis(e.absolute), raw)
	switch {
	case err != nil:
		return record{}, err
	case n[0] != 1 || len(n) < 2:
		return record{}, unavailable(errors.New("the new session's key is taken"))
	}
	r.began, r.seen, r.deadline = n[1], n[1], n[1]+e.absolute.Milliseconds()
	e.saves.Add(1)
	e.size.Add(uint64(len(raw)))
	return r, nil
}

// slide prolongs a session in use, first itself and then its entry among those of the user: so the entry never ends
// before it.
func (e *engine) slide(ctx context.Context, t *token) (alive bool, age time.Duration, err error) {
	n, _, err := e.ask(ctx, slideScript, e.sessionKey(t.handle()), millis(e.idle))
	if err != nil {
		return false, 0, err
	}
	if n[0] != 1 || len(n) < 3 {
		return false, 0, nil
	}
	e.slides.Add(1)
	if t.bound {
		touch := &redisx.Call{Script: touchScript, Key: e.userKey(t.locator), Args: []any{t.handle(), n[1]}}
		// If it fails the entry still has 0.9 of the idle time, in which the next use tries again.
		_ = e.run(ctx, touch)
	}
	return true, time.Duration(n[2]) * time.Millisecond, nil
}

// inGrace asks whether the replaced id of the token is still good. The server judges, by its own clock.
func (e *engine) inGrace(ctx context.Context, t *token) (bool, error) {
	hash := t.hash()
	c := &redisx.Call{Script: graceScript, Key: e.sessionKey(t.handle()), Args: []any{hash[:]}}
	if err := e.run(ctx, c); err != nil {
		return false, err
	}
	return c.Did(), nil
}

func (e *engine) dropCall(handle string) *redisx.Call {
	return &redisx.Call{Script: dropScript, Key: e.sessionKey(handle)}
}

func (e *engine) forgetCall(userKey, handle string) *redisx.Call {
	return &redisx.Call{Script: forgetScript, Key: userKey, Args: []any{handle}}
}

func (e *engine) memberCall(user, handle string) *redisx.Call {
	return &redisx.Call{Script: memberScript, Key: e.keyOfUser(user), Args: []any{handle}}
}

// end ends the session of a token. For one with a user either of two commands is enough.
func (e *engine) end(ctx context.Context, t *token) error {
	handle := t.handle()
	drop := e.dropCall(handle)
	if !t.bound {
		return e.run(ctx, drop)
	}
	forget := e.forgetCall(e.userKey(t.locator), handle)
	err := e.run(ctx, forget, drop)
	if drop.Err() == nil || forget.Err() == nil {
		return nil
	}
	return err
}

const batch = 500

// revoked clears away sessions of a user that are not valid any more. That it may fail does no harm but to memory, until
// their time is over.
func (e *engine) revoked(ctx context.Context, user string, handles []string) {
	for _, h := range handles {
		e.report(Event{Kind: Revoked, Handle: h, User: user})
	}
	for part := range slices.Chunk(handles, batch) {
		calls := make([]*redisx.Call, len(part))
		for i, h := range part {
			calls[i] = e.dropCall(h)
		}
		_ = e.run(ctx, calls...)
	}
}
