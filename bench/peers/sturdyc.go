package peers

import (
	"context"
	"errors"
	"log/slog"

	"github.com/redis/go-redis/v9"
	"github.com/viccon/sturdyc"
)

var (
	sturdycLocal = Peer{
		Name: "sturdyc", Module: "github.com/viccon/sturdyc", Local: true, Open: openSturdyc(false),
		Not:   map[Row]string{Hit: noRedis, Miss: noRedis},
		Notes: map[Row]string{Stale: ownProcess},
	}
	sturdycRedis = Peer{
		Name: "sturdyc, Redis", Module: "github.com/viccon/sturdyc", Open: openSturdyc(true),
		Notes: map[Row]string{
			Hit:   "first reads after a Delete, which does not reach the distributed storage",
			Miss:  "stores in the background, after the caller has its answer",
			Batch: "the distributed storage is code of the user's own: here MGET, and a pipeline of SET",
			Stale: "evicted by DEL and by Delete, which reaches its own process only",
		},
	}
)

const (
	noRedis    = "keeps nothing in Redis, so this is not the same work"
	ownProcess = "its delete reaches its own process only"
)

func openSturdyc(distributed bool) func(context.Context, Setup) (*Node, error) {
	return func(_ context.Context, s Setup) (*Node, error) {
		// Continuous evictions run in a goroutine that can't be ended, and cost what this work has no need of.
		options := []sturdyc.Option{sturdyc.WithNoContinuousEvictions(), sturdyc.WithLog(slog.New(slog.DiscardHandler))}
		rdb := client(s)
		if distributed {
			options = append(options, sturdyc.WithDistributedStorage(sturdycStorage{rdb}))
		}
		c := sturdyc.New[Product](entries, 10, near, 10, options...)
		key := func(id string) string { return s.Prefix + id }
		node := &Node{
			Get: func(ctx context.Context, id string) (Product, error) {
				return c.GetOrFetch(ctx, key(id), func(ctx context.Context) (Product, error) { return s.Load(ctx, id) })
			},
			GetAll: func(ctx context.Context, ids []string) (map[string]Product, error) {
				return c.GetOrFetchBatch(ctx, ids, key, s.LoadAll)
			},
			Evict: func(ctx context.Context, id string) (err error) {
				if distributed {
					err = rdb.Del(ctx, key(id)).Err()
				}
				c.Delete(key(id))
				return err
			},
			Close: rdb.Close,
		}
		if distributed {
			node.Forget = func(_ context.Context, ids []string) error {
				for _, id := range ids {
					c.Delete(key(id))
				}
				return nil
			}
		}
		return node, nil
	}
}

// sturdycStorage is sturdyc's distributed storage in Redis.
type sturdycStorage struct{ rdb *redis.Client }

func (s sturdycStorage) Get(ctx context.Context, key string) ([]byte, bool) {
	raw, err := s.rdb.Get(ctx, key).Bytes()
	return raw, err == nil
}

func (s sturdycStorage) Set(ctx context.Context, key string, value []byte) {
	logged(s.rdb.Set(ctx, key, value, far).Err())
}

func (s sturdycStorage) GetBatch(ctx context.Context, keys []string) map[string][]byte {
	raws, err := s.rdb.MGet(ctx, keys...).Result()
	logged(err)
	found := make(map[string][]byte, len(raws))
	for i, raw := range raws {
		if text, ok := raw.(string); ok {
			found[keys[i]] = []byte(text)
		}
	}
	return found
}

func (s sturdycStorage) SetBatch(ctx context.Context, records map[string][]byte) {
	_, err := s.rdb.Pipelined(ctx, func(pipe redis.Pipeliner) error {
		for key, value := range records {
			pipe.Set(ctx, key, value, far)
		}
		return nil
	})
	logged(err)
}

// logged logs what the storage has no way to return. A store that ends while the client is being closed is no news.
func logged(err error) {
	if err != nil && !errors.Is(err, redis.ErrClosed) {
		slog.Warn("the distributed storage of sturdyc failed", "err", err)
	}
}
