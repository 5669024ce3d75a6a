package session

import (
	"context"
	"sync/atomic"

	"github.com/jollyjet/aside/internal/redisx"
)

// DestroyEveryone ends all sessions, with and without a user (ASVS 5.0 7.4.5), and returns how many keys it removed. It
// walks the keys of the namespace, so it is slow, and meant for an emergency. When it returns nil, no session that
// existed when it was called is valid. After an error some may be; call it again.
func (m *Manager[T]) DestroyEveryone(ctx context.Context) (int64, error) {
	var n atomic.Int64
	for _, kind := range []string{"u", "s"} { // the sets of users first: each key ends many sessions
		err := m.p.scan(ctx, kind, func(ctx context.Context, keys []string) error {
			calls := make([]*redisx.Call, len(keys))
			for i, key := range keys {
				calls[i] = &redisx.Call{Script: dropScript, Key: key}
			}
			err := m.p.run(ctx, calls...)
			for _, c := range calls {
				if c.Did() {
					n.Add(1)
				}
			}
			return err
		})
		if err != nil {
			return n.Load(), err
		}
	}
	return n.Load(), nil
}
