package peers

import (
	"context"

	"github.com/mgtv-tech/jetcache-go"
	"github.com/mgtv-tech/jetcache-go/encoding/json"
	"github.com/mgtv-tech/jetcache-go/remote"
	"github.com/mgtv-tech/jetcache-go/stats"
)

var jetcache = Peer{
	Name: "jetcache-go", Module: "github.com/mgtv-tech/jetcache-go", Open: openJetcache,
	Not: map[Row]string{Near: "set up without its local cache, which is kept in step with other nodes by code of the user's own"},
}

func openJetcache(_ context.Context, s Setup) (*Node, error) {
	rdb := client(s)
	c := cache.NewT[string, Product](cache.New(
		cache.WithRemote(remote.NewGoRedisV9Adapter(rdb)), cache.WithCodec(json.Name), cache.WithRemoteExpiry(far),
		cache.WithStatsHandler(stats.NewHandles(true)), // the default one logs from a goroutine that never ends
	))
	return &Node{
		Get: func(ctx context.Context, id string) (Product, error) { return c.Get(ctx, s.Prefix, id, s.Load) },
		GetAll: func(ctx context.Context, ids []string) (map[string]Product, error) {
			return c.MGetWithErr(ctx, s.Prefix, ids, s.LoadAll)
		},
		Evict: func(ctx context.Context, id string) error { return c.Delete(ctx, s.Prefix, id) },
		Close: func() error { c.Close(); return rdb.Close() },
	}, nil
}
