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

// end ends the session of a token. It returns nil only if the session has ended.
func (p *protocol) end(ctx context.Context, t *token, mark ...*redisx.Call) error {
	ended, err := p.sendEnd(ctx, t, mark...)
	if err = p.failure(ctx, err); ended {
		return nil
	}
	return err
}

// sendEnd sends the commands that end the session of a token. If the session has a user, either of the two is enough.
// err is the first error of any. A mark is written first, so that nobody finds the session absent without it; without
// one the session ends all the same.
func (p *protocol) sendEnd(ctx context.Context, t *token, mark ...*redisx.Call) (ended bool, err error) {
	handle := t.handle()
	calls := []*redisx.Call{p.dropCall(handle)}
	if t.bound {
		calls = []*redisx.Call{p.forgetCall(p.userKey(t.locator), handle), calls[0]}
	}
	err = redisx.Run(ctx, p.rdb, append(mark, calls...)...)
	return slices.ContainsFunc(calls, func(c *redisx.Call) bool { return c.Err() == nil }), err
}

// deleteRevoked reports sessions that were revoked, and deletes them. They are invalid already, so a failure only costs
// memory until they expire.
func (p *protocol) deleteRevoked(ctx context.Context, user string, handles []string) {
	for _, h := range handles {
		p.report(Event{Kind: Revoked, Handle: h, User: user})
	}
	for part := range slices.Chunk(handles, batch) {
		calls := make([]*redisx.Call, 0, 2*len(part))
		for _, h := range part {
			calls = append(calls, p.markCall(h, ended), p.dropCall(h))
		}
		_ = p.run(ctx, calls...)
	}
}
