package session

import (
	"context"

	"github.com/jollyjet/aside/internal/redisx"
)

// undo ends a session whose token nobody has. It tries even if the caller has given up: Redis may have executed the
// commands that created the session although no reply came.
func (p *protocol) undo(ctx context.Context, t *token) {
	ctx, done := redisx.Linger(ctx)
	defer done()
	if p.end(ctx, t) != nil {
		p.orphans.add(t)
	}
}

// endOrphans tries again to end the sessions that undo could not end. It reports no failures: no request is concerned.
func (p *protocol) endOrphans(ctx context.Context) {
	for _, t := range p.orphans.take() {
		if ended, _ := p.sendEnd(ctx, &t); !ended {
			p.orphans.add(&t)
		}
	}
}
