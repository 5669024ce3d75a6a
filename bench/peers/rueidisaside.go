package peers

import (
	"context"
	"time"

	"github.com/redis/rueidis"
	"github.com/redis/rueidis/rueidisaside"
)

var rueidisAside = Peer{
	Name: "rueidisaside", Module: "github.com/redis/rueidis/rueidisaside", Open: openRueidisAside,
	Not: map[Row]string{Batch: noBatch},
	Notes: map[Row]string{
		Hit:   "first reads after the key was written anew; later ones are answered by rueidis's client-side cache, see near hit",
		Near:  "rueidis's client-side cache holds the text, so a hit decodes it",
		Stale: "the nodes learn of a delete by a push of Redis's",
	},
}

func openRueidisAside(_ context.Context, s Setup) (*Node, error) {
	c, err := rueidisaside.NewClient(rueidisaside.ClientOption{ClientOption: rueidis.ClientOption{InitAddress: []string{s.Addr}}})
	if err != nil {
		return nil, err
	}
	return &Node{
		Get: func(ctx context.Context, id string) (Product, error) {
			return product(c.Get(ctx, far, s.Prefix+id, func(ctx context.Context, _ string) (string, error) { return s.text(ctx, id) }))
		},
		Evict: func(ctx context.Context, id string) error { return c.Del(ctx, s.Prefix+id) },
		Forget: func(ctx context.Context, ids []string) error {
			rdb := c.Client()
			for _, id := range ids {
				text, err := s.text(ctx, id)
				if err != nil {
					return err
				}
				if err := rdb.Do(ctx, rdb.B().Set().Key(s.Prefix+id).Value(text).Px(far).Build()).Error(); err != nil {
					return err
				}
			}
			time.Sleep(5 * time.Millisecond) // for the pushes: rueidis does not tell when they have arrived
			return nil
		},
		Close: func() error { c.Close(); return nil },
	}, nil
}
