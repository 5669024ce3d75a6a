package session

import (
	"context"
	"errors"
	"slices"

	"github.com/jollyjet/aside/internal/redisx"
)

const scanCount = 500

// scan visits the keys of a kind, "s" for sessions or "u" for the sets of users, in batches. It walks all masters at
// the same time, so visit must be safe for concurrent use.
func (p *protocol) scan(ctx context.Context, kind string, visit func(ctx context.Context, keys []string) error) error {
	err := p.rdb.EachMaster(ctx, func(ctx context.Context, node *redisx.Node) error {
		var at redisx.Page
		for {
			page, err := node.Scan(ctx, at.Next, p.conn.Namespace+":"+kind+":*", scanCount, at.Run)
			if err != nil {
				return p.failure(ctx, err)
			}
			if keys := slices.DeleteFunc(page.Keys, isMark); len(keys) > 0 {
				if err := visit(ctx, keys); err != nil {
					return err
				}
			}
			if at = page; at.Next == 0 {
				return nil
			}
		}
	})
	if err != nil && !errors.Is(err, ErrUnavailable) && ctx.Err() == nil { // the masters are unknown
		return p.failure(ctx, err)
	}
	return err
}
