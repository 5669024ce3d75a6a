package session

import (
	"context"
	"strings"

	"github.com/jollyjet/aside/internal/redisx"
)

// absence says why a token has no session.
type absence uint8

const (
	noToken    absence = iota
	unknown            // it has expired, was ended or replaced long ago, or was never issued
	replaced           // Login, Renew or a new session has given its client another token
	ended              // logged out or revoked
	unreadable         // what is stored can't be decoded here
)

// A mark stays for a while where a session was, in the slot of its key, and says what became of it. It is read only where
// there is no session, so it may be written late, twice, or without need. It lets nobody in: whoever has an old token gets
// nothing but ErrEnded. For RenewGrace it keeps requests that are still in flight from beginning another session, whose cookie
// would replace that of a login. After that, for Idle, presenting a replaced token is a Reused event. A mark that a login left
// names the session in its place, the heir, which another login of the same user takes over.
func (p *protocol) markKey(handle string) string {
	key := p.sessionKey(handle)
	return key + ":e:{" + key + "}"
}

// isMark reports whether a key that begins like one of a session is that of a mark.
func isMark(key string) bool { return strings.HasSuffix(key, "}") }

func (p *protocol) markCall(handle string, why absence) *redisx.Call {
	return p.markAs(handle, why.text())
}

// markHeirCall marks a token as replaced by a login, which began the session with the handle heir.
func (p *protocol) markHeirCall(handle, heir string) *redisx.Call {
	return p.markAs(handle, textOfHeir(heir))
}

func (p *protocol) markAs(handle, text string) *redisx.Call {
	return &redisx.Call{Name: "set", Key: p.markKey(handle), Args: []any{text, "px", p.markTime()}}
}

func textOfHeir(handle string) string { return replaced.text() + " " + handle }

// markTime is the time to live of a mark, in milliseconds.
func (p *protocol) markTime() string { return millis(p.grace + p.idle) }

func (a absence) text() string {
	if a == replaced {
		return "replaced"
	}
	return "ended"
}

// claim marks the token of a request that found no session as replaced. It reports false if another request was first.
func (p *protocol) claim(ctx context.Context, t *token) (bool, error) {
	c := &redisx.Call{Script: claimScript, Key: p.markKey(t.handle()), Args: []any{
		replaced.text(), p.markTime(), millis(p.idle),
	}}
	err := p.run(ctx, c)
	return err == nil && c.Did(), err
}

// marked returns what the mark of a token says whose session is absent, the heir if there is one, and whether a replaced token is
// used too late.
func (p *protocol) marked(ctx context.Context, handle string) (why absence, heir string, late bool, err error) {
	key := p.markKey(handle)
	get, ttl := redisx.Get(key), &redisx.Call{Name: "pttl", Key: key}
	if err := p.run(ctx, get, ttl); err != nil {
		return unknown, "", false, err
	}
	said, _ := get.Reply.Text() // without a mark it is ""
	text, heir, _ := strings.Cut(said, " ")
	left, err := ttl.Reply.Int64()
	if err != nil {
		return unknown, "", false, p.failure(ctx, err)
	}
	switch fresh := left > p.idle.Milliseconds(); {
	case text == "":
		return unknown, "", false, nil
	case !fresh:
		return unknown, "", text == replaced.text(), nil
	case text == replaced.text():
		return replaced, heir, false, nil
	}
	return ended, "", false, nil
}
