package cacheable

import (
	"context"
	"errors"
	"fmt"
)

// Put stores a value for key over whatever is cached: the last write wins, and a load that is running is not stored.
// Nothing orders it against other writes of the same key; where that matters use evict.Replace. While a writer holds
// the key (evict.Around) nothing is stored. A value that [StoreIf] or [TTLOf] rejects, or that is above [MaxBytes],
// evicts the key. An error wraps store.ErrUnavailable or is the codec's (also of decoding, see
// [Equal]); after one, this node serves no older value.
func (c *Cacheable[K, V]) Put(ctx context.Context, key K, value V) error {
	ref := c.keys.ref(ctx, key)
	written, ok, err := c.entries.written(key, &ref, value)
	if err != nil {
		return errors.Join(fmt.Errorf("cacheable: %s: %w", c.cache.Name(), err), c.Evict(ctx, key))
	}
	if !ok {
		return c.Evict(ctx, key)
	}
	stored, err := c.cache.Put(ctx, &ref, written)
	if err == nil && !stored {
		return c.Evict(ctx, key) // so that the writer who holds the key learns of this write
	}
	return err
}
