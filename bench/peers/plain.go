package peers

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/redis/go-redis/v9"
)

// plain is what one writes without any library: GET, and if there is nothing load and SET.
var plain = Peer{
	Name: Plain, Module: "github.com/redis/go-redis/v9", Open: openPlain,
	Not:   map[Row]string{Near: "keeps nothing in the process"},
	Notes: map[Row]string{Batch: "written by hand: MGET, then a pipeline of SET"},
}

func openPlain(_ context.Context, s Setup) (*Node, error) {
	rdb := client(s)
	return &Node{
		Get: func(ctx context.Context, id string) (p Product, err error) {
			raw, err := rdb.Get(ctx, s.Prefix+id).Bytes()
			if err == nil {
				return p, json.Unmarshal(raw, &p)
			}
			if !errors.Is(err, redis.Nil) {
				return p, err
			}
			if p, err = s.Load(ctx, id); err != nil {
				return p, err
			}
			if raw, err = json.Marshal(p); err != nil {
				return p, err
			}
			return p, rdb.Set(ctx, s.Prefix+id, raw, far).Err()
		},
		GetAll: func(ctx context.Context, ids []string) (map[string]Product, error) {
			found, missing, err := mget(ctx, rdb, s, ids)
			if err != nil || len(missing) == 0 {
				return found, err
			}
			loaded, err := s.LoadAll(ctx, missing)
			if err != nil {
				return found, err
			}
			_, err = rdb.Pipelined(ctx, func(pipe redis.Pipeliner) error {
				for id, p := range loaded {
					raw, err := json.Marshal(p)
					if err != nil {
						return err
					}
					found[id] = p
					pipe.Set(ctx, s.Prefix+id, raw, far)
				}
				return nil
			})
			return found, err
		},
		Evict: func(ctx context.Context, id string) error { return rdb.Del(ctx, s.Prefix+id).Err() },
		Close: rdb.Close,
	}, nil
}

func mget(ctx context.Context, rdb *redis.Client, s Setup, ids []string) (found map[string]Product, missing []string, err error) {
	raws, err := rdb.MGet(ctx, s.keys(ids)...).Result()
	if err != nil {
		return nil, nil, err
	}
	found = make(map[string]Product, len(ids))
	for i, raw := range raws {
		text, ok := raw.(string)
		if !ok {
			missing = append(missing, ids[i])
			continue
		}
		if found[ids[i]], err = product(text, nil); err != nil {
			return nil, nil, err
		}
	}
	return found, missing, nil
}
