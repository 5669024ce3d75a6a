package session

import (
	"context"
	"time"

	"github.com/jollyjet/aside/internal/pause"
	"github.com/jollyjet/aside/internal/redisx"
)

// undo ends a session whose token nobody has. It tries even if the caller has given up: Redis may have executed the
// commands that created the session although no reply came.
func (p *protocol) undo(ctx context.Context, t *token) {
	ctx, done := redisx.Linger(ctx)
	defer done()
	if p.end(ctx, t) != nil {
		p.addOrphan(t)
	}
}

// addOrphan has a session ended in the background. That is tried when a breaker closes, and, because a command may fail
// without one opening, every few seconds.
func (p *protocol) addOrphan(t *token) {
	if p.orphans.add(t) {
		p.work.Go("clean-up", p.retryOrphans)
	}
}

func (p *protocol) retryOrphans(ctx context.Context) {
	again := pause.Backoff{Least: probeEvery, Most: 5 * time.Second}
	for !p.orphans.none() && again.Wait(ctx) {
		p.endOrphans(ctx)
	}
}

// endOrphans tries again to end the sessions that undo could not end. It reports no failures: no request is concerned.
func (p *protocol) endOrphans(ctx context.Context) {
	for _, t := range p.orphans.take() {
		if ended, _ := p.sendEnd(ctx, &t); !ended {
			p.addOrphan(&t)
		}
	}
}
