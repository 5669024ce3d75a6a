package cacheable

import (
	"context"

	"github.com/jollyjet/aside/internal/redisx"
)

// Evict removes the entries of the keys. A read that begins after it has returned, on any node, sees nothing that was
// read before. An error wraps store.ErrQueued: the evictions that failed are repeated in the background.
func (c *Cacheable[K, V]) Evict(ctx context.Context, keys ...K) error {
	ctx, done := redisx.Linger(ctx)
	defer done()
	return c.cache.Evict(ctx, c.keys.all(keys)...)
}

// Expire ends the time to live of the keys' entries: the next read loads, and with [FailSafe] it can fall back on the
// old value if the load fails. Otherwise it is like [Cacheable.Evict].
func (c *Cacheable[K, V]) Expire(ctx context.Context, keys ...K) error {
	ctx, done := redisx.Linger(ctx)
	defer done()
	return c.cache.Expire(ctx, c.keys.all(keys)...)
}
