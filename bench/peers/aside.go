package peers

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/jollyjet/aside/cacheable"
	"github.com/jollyjet/aside/store"
	"github.com/redis/go-redis/v9"
)

var (
	aside = Peer{
		Name: Aside, Module: "github.com/jollyjet/aside", Open: openAside(),
		Not:   map[Row]string{Near: "without Near it keeps nothing in the process"},
		Notes: map[Row]string{Batch: "one round trip reads, one leases what is missing, one stores it"},
	}
	asideNear = Peer{
		Name: "aside, Near", Module: "github.com/jollyjet/aside", Open: openAside(cacheable.Near(entries, near)),
		Notes: map[Row]string{
			Hit:   "first reads after a Put",
			Stale: "the node that does not evict learns of it through the invalidation feed",
		},
	}
)

func openAside(options ...cacheable.Option) func(context.Context, Setup) (*Node, error) {
	return func(ctx context.Context, s Setup) (*Node, error) {
		rdb := redis.NewClient(&redis.Options{Addr: s.Addr})
		stored := []store.Option{
			store.Namespace(s.Prefix), store.Logger(slog.New(slog.DiscardHandler)),
			// A machine that is busy with other things must not look like a Redis that is down: the peers wait for
			// seconds, too.
			store.Timeout(5 * time.Second),
		}
		if s.Hook != nil {
			stored = append(stored, store.Hooks(s.Hook))
		}
		st, err := store.Open(ctx, rdb, stored...)
		if err != nil {
			return nil, errors.Join(err, rdb.Close())
		}
		options := append([]cacheable.Option{cacheable.TTL(far)}, options...)
		cache := cacheable.New(st, "product", s.Load, options...)
		all := cacheable.NewMany(st, "product", s.LoadAll, options...)
		node := &Node{
			Get:    cache.Get,
			GetAll: all.GetAll,
			Evict:  func(ctx context.Context, id string) error { return cache.Evict(ctx, id) },
			Close:  func() error { return errors.Join(st.Close(), rdb.Close()) },
		}
		if len(options) > 1 {
			node.Forget = func(ctx context.Context, ids []string) error {
				for _, id := range ids {
					if err := cache.Put(ctx, id, Record(id)); err != nil {
						return err
					}
				}
				return nil
			}
		}
		return node, nil
	}
}
