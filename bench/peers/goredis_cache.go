package peers

import (
	"context"
	"encoding/json"

	"github.com/go-redis/cache/v9"
)

var (
	goRedisCache = Peer{
		Name: "go-redis/cache", Module: "github.com/go-redis/cache/v9", Open: openGoRedisCache(false),
		Not: map[Row]string{Near: "without LocalCache it keeps nothing in the process", Batch: noBatch},
	}
	goRedisCacheLocal = Peer{
		Name: "go-redis/cache, TinyLFU", Module: "github.com/go-redis/cache/v9", Open: openGoRedisCache(true),
		Not: map[Row]string{Batch: noBatch},
		Notes: map[Row]string{
			Hit:   "first reads after DeleteFromLocalCache",
			Stale: "Delete reaches the local tier of its own process only",
		},
	}
)

const noBatch = "has no read of several keys"

func openGoRedisCache(local bool) func(context.Context, Setup) (*Node, error) {
	return func(_ context.Context, s Setup) (*Node, error) {
		rdb := client(s)
		options := &cache.Options{
			Redis: rdb, Marshal: json.Marshal,
			Unmarshal: json.Unmarshal,
		}
		if local {
			options.LocalCache = cache.NewTinyLFU(entries, near)
		}
		c := cache.New(options)
		node := &Node{
			Get: func(ctx context.Context, id string) (p Product, err error) {
				err = c.Once(&cache.Item{
					Ctx: ctx, Key: s.Prefix + id, Value: &p, TTL: far,
					Do: func(item *cache.Item) (any, error) { return s.Load(item.Context(), id) },
				})
				return p, err
			},
			Evict: func(ctx context.Context, id string) error { return c.Delete(ctx, s.Prefix+id) },
			Close: rdb.Close,
		}
		if local {
			node.Forget = func(_ context.Context, ids []string) error {
				for _, id := range ids {
					c.DeleteFromLocalCache(s.Prefix + id)
				}
				return nil
			}
		}
		return node, nil
	}
}
