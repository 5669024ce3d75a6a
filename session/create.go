package session

import (
	"context"
	"errors"
)

// create stores a new session under a new token. Nothing else brings a session into being.
func (p *protocol) create(ctx context.Context, t *token, b *body, l life) (record, error) {
	if b.size() > p.maxBytes {
		return record{}, ErrTooLarge
	}
	r := record{final: l.final(), own: l.own(), version: newVersion(), hash: t.hash(), body: *b}
	raw := b.append(nil)
	n, _, err := p.script(ctx, createScript, p.sessionKey(t.handle()),
		r.version, r.hash[:], millis(l.idle), millis(l.absolute), raw)
	switch {
	case err != nil:
		return record{}, err
	case n[0] != 1 || len(n) < 2:
		return record{}, unavailable(errors.New("the new session's key is taken"))
	}
	r.began, r.seen, r.deadline = n[1], n[1], n[1]+l.absolute.Milliseconds()
	p.countSave(len(raw))
	return r, nil
}

// createFor begins a session for a user. It becomes valid in the last step, when nothing can fail any more, and before
// anybody has its token. No other session is ever added to a user's set, so a revoked one can't get back in.
func (p *protocol) createFor(ctx context.Context, b *body, l life) (token, record, error) {
	tok := newToken()
	tok.bindTo(b.user)
	rec, err := p.create(ctx, &tok, b, l)
	if err != nil {
		return token{}, record{}, err
	}
	result, err := p.bind(ctx, b.user, tok.handle(), l.ttl(), false)
	if err == nil && result != accepted {
		err = ErrTooMany
	}
	if err != nil {
		p.undo(ctx, &tok)
		return token{}, record{}, err
	}
	return tok, rec, nil
}
