package peers

import (
	"context"
	"encoding/json"

	"github.com/dtm-labs/rockscache"
)

var (
	rockscacheWeak = Peer{
		Name: "rockscache", Module: "github.com/dtm-labs/rockscache", Open: openRockscache(false),
		Not:   map[Row]string{Near: noNear},
		Notes: map[Row]string{Stale: "by default the old value is served while it is loaded anew"},
	}
	rockscacheStrong = Peer{
		Name: "rockscache, strong", Module: "github.com/dtm-labs/rockscache", Open: openRockscache(true),
		Not: map[Row]string{Near: noNear},
	}
)

const noNear = "keeps nothing in the process"

func openRockscache(strong bool) func(context.Context, Setup) (*Node, error) {
	return func(_ context.Context, s Setup) (*Node, error) {
		rdb := client(s)
		options := rockscache.NewDefaultOptions()
		options.StrongConsistency = strong
		c := rockscache.NewClient(rdb, options)
		return &Node{
			Get: func(ctx context.Context, id string) (Product, error) {
				return product(c.Fetch2(ctx, s.Prefix+id, far, func() (string, error) { return s.text(ctx, id) }))
			},
			GetAll: func(ctx context.Context, ids []string) (map[string]Product, error) {
				texts, err := c.FetchBatch2(ctx, s.keys(ids), far, func(at []int) (map[int]string, error) {
					return s.texts(ctx, ids, at)
				})
				if err != nil {
					return nil, err
				}
				found := make(map[string]Product, len(ids))
				for i, text := range texts {
					if found[ids[i]], err = product(text, nil); err != nil {
						return nil, err
					}
				}
				return found, nil
			},
			Evict: func(ctx context.Context, id string) error { return c.TagAsDeleted2(ctx, s.Prefix+id) },
			Close: rdb.Close,
		}, nil
	}
}

// texts loads the ids at some places.
func (s Setup) texts(ctx context.Context, ids []string, at []int) (map[int]string, error) {
	missing := make([]string, len(at))
	for i, place := range at {
		missing[i] = ids[place]
	}
	loaded, err := s.LoadAll(ctx, missing)
	if err != nil {
		return nil, err
	}
	texts := make(map[int]string, len(at))
	for i, place := range at {
		p, ok := loaded[missing[i]]
		if !ok {
			return nil, errMissing(missing[i])
		}
		raw, err := json.Marshal(p)
		if err != nil {
			return nil, err
		}
		texts[place] = string(raw)
	}
	return texts, nil
}
