package session

import (
	"context"
	"time"

	"github.com/jollyjet/aside/internal/redisx"
)

// slide extends a session in use, and then its entry in the set of its user. In this order the entry never expires
// before the session.
func (p *protocol) slide(ctx context.Context, t *token) (alive bool, age time.Duration, err error) {
	n, _, err := p.script(ctx, slideScript, p.sessionKey(t.handle()), millis(p.idle))
	if err != nil {
		return false, 0, err
	}
	if n[0] != 1 || len(n) < 3 {
		return false, 0, nil
	}
	p.slides.Add(1)
	if t.bound {
		touch := &redisx.Call{Script: touchScript, Key: p.userKey(t.locator), Args: []any{t.handle(), n[1]}}
		// If this fails, the entry still has 0.9 of the idle time, and the next use tries again.
		_ = p.run(ctx, touch)
	}
	return true, time.Duration(n[2]) * time.Millisecond, nil
}
