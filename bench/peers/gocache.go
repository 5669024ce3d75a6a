package peers

import (
	"context"
	"errors"

	"github.com/eko/gocache/lib/v4/cache"
	"github.com/eko/gocache/lib/v4/store"
	redisstore "github.com/eko/gocache/store/redis/v4"
)

var gocache = Peer{
	Name: "gocache", Module: "github.com/eko/gocache/lib/v4", Open: openGocache,
	Not:   map[Row]string{Near: "the loadable cache, which is what loads, was set up over Redis alone", Batch: noBatch},
	Notes: map[Row]string{Miss: "stores in the background, from one goroutine, after the caller has its answer"},
}

func openGocache(_ context.Context, s Setup) (*Node, error) {
	rdb := client(s)
	load := func(ctx context.Context, key any) (string, []store.Option, error) {
		text, err := s.text(ctx, key.(string)[len(s.Prefix):])
		return text, nil, err
	}
	c := cache.NewLoadable(load, cache.New[string](redisstore.NewRedis(rdb, store.WithExpiration(far))))
	return &Node{
		Get:   func(ctx context.Context, id string) (Product, error) { return product(c.Get(ctx, s.Prefix+id)) },
		Evict: func(ctx context.Context, id string) error { return c.Delete(ctx, s.Prefix+id) },
		Close: func() error { return errors.Join(c.Close(), rdb.Close()) },
	}, nil
}
