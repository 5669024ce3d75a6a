package session

import (
	"context"
	"errors"
	"slices"

	"github.com/redis/go-redis/v9"

	"github.com/jollyjet/aside/internal/redisx"
)

// heads reads the heads of sessions. The head of a session that does not exist is "".
func (p *protocol) heads(ctx context.Context, handles []string) ([]string, error) {
	heads := make([]string, 0, len(handles))
	for part := range slices.Chunk(handles, batch) {
		calls := make([]*redisx.Call, len(part))
		for i, h := range part {
			calls[i] = &redisx.Call{Name: "getrange", Key: p.sessionKey(h), Args: []any{0, ownerBytes - 1}}
		}
		_ = redisx.Run(ctx, p.rdb, calls...) // each call has its own error
		for _, c := range calls {
			raw, err := c.Reply.Text()
			switch {
			case redis.HasErrorPrefix(c.Err(), "WRONGTYPE"):
				raw = "?"
			case err != nil && !errors.Is(err, redis.Nil):
				return nil, p.failure(ctx, err)
			}
			heads = append(heads, raw)
		}
	}
	return heads, nil
}

// prune removes entries without a session from a user's set, and returns how many it removed.
func (p *protocol) prune(ctx context.Context, userKey string) (pruned int64, err error) {
	n, handles, err := p.script(ctx, pruneScript, userKey)
	if err != nil {
		return 0, err
	}
	pruned = n[0]
	for part := range slices.Chunk(handles, batch) {
		missing, err := p.missing(ctx, part)
		if err != nil {
			return pruned, err
		}
		if len(missing) == 0 {
			continue
		}
		calls := make([]*redisx.Call, len(missing))
		for i, h := range missing {
			calls[i] = p.forgetCall(userKey, h)
		}
		if err := p.run(ctx, calls...); err != nil {
			return pruned, err
		}
		pruned += int64(len(missing))
	}
	return pruned, nil
}

// missing returns the handles that have no session.
func (p *protocol) missing(ctx context.Context, handles []string) (missing []string, err error) {
	heads, err := p.heads(ctx, handles)
	for i, head := range heads {
		if head == "" {
			missing = append(missing, handles[i])
		}
	}
	return missing, err
}
