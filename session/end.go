package session

import (
	"context"
	"slices"

	"github.com/jollyjet/aside/internal/redisx"
)

// batch is how many commands are sent in one pipeline.
const batch = 500

func (p *protocol) dropCall(handle string) *redisx.Call {
	return &redisx.Call{Script: dropScript, Key: p.sessionKey(handle)}
}

func (p *protocol) forgetCall(userKey, handle string) *redisx.Call {
	return &redisx.Call{Script: forgetScript, Key: userKey, Args: []any{handle}}
}

// end ends the session of a token. If the session has a user, either of the two commands is enough.
func (p *protocol) end(ctx context.Context, t *token) error {
	handle := t.handle()
	drop := p.dropCall(handle)
	if !t.bound {
		return p.run(ctx, drop)
	}
	forget := p.forgetCall(p.userKey(t.locator), handle)
	err := p.run(ctx, forget, drop)
	if drop.Err() == nil || forget.Err() == nil {
		return nil
	}
	return err
}

// deleteRevoked reports sessions that were revoked, and deletes them. They are invalid already, so a failure only costs
// memory until they expire.
func (p *protocol) deleteRevoked(ctx context.Context, user string, handles []string) {
	for _, h := range handles {
		p.report(Event{Kind: Revoked, Handle: h, User: user})
	}
	for part := range slices.Chunk(handles, batch) {
		calls := make([]*redisx.Call, len(part))
		for i, h := range part {
			calls[i] = p.dropCall(h)
		}
		_ = p.run(ctx, calls...)
	}
}
