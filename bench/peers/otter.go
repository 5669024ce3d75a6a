package peers

import (
	"context"

	"github.com/maypok86/otter/v2"
)

var otterLocal = Peer{
	Name: Otter, Module: "github.com/maypok86/otter/v2", Local: true, Open: openOtter,
	Not:   map[Row]string{Hit: noRedis, Miss: noRedis},
	Notes: map[Row]string{Near: "GetIfPresent", Stale: ownProcess},
}

func openOtter(_ context.Context, s Setup) (*Node, error) {
	c, err := otter.New(&otter.Options[string, Product]{
		MaximumSize: entries, ExpiryCalculator: otter.ExpiryWriting[string, Product](near),
	})
	if err != nil {
		return nil, err
	}
	one, all := otter.LoaderFunc[string, Product](s.Load), otter.BulkLoaderFunc[string, Product](s.LoadAll)
	return &Node{
		Get: func(ctx context.Context, id string) (Product, error) {
			if p, ok := c.GetIfPresent(id); ok {
				return p, nil
			}
			return c.Get(ctx, id, one)
		},
		GetAll: func(ctx context.Context, ids []string) (map[string]Product, error) { return c.BulkGet(ctx, ids, all) },
		Evict:  func(_ context.Context, id string) error { c.Invalidate(id); return nil },
		Close:  func() error { c.StopAllGoroutines(); return nil },
	}, nil
}
