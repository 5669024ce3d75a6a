package node

import (
	"context"
	"errors"
	"time"

	"github.com/jollyjet/aside/cacheable"
	"github.com/jollyjet/aside/evict"

	"github.com/jollyjet/aside/bench/rolling/pipe"
)

// writer writes a version to the source, and evicts.
type writer func(context.Context, pipe.Message) (pipe.Value, error)

func tagsOf(key string) []string { return []string{"tag of " + key} }

// decorate makes the caches, and a write for each way to evict.
func (n *node) decorate() {
	options := []cacheable.Option{
		cacheable.TTL(time.Hour),
		cacheable.NotFound(func(err error) bool { return errors.Is(err, pipe.ErrAbsent) }, time.Hour),
	}
	if n.cfg.ValueTags {
		options = append(options, cacheable.TagsOf(func(key string, _ pipe.Value) []string { return tagsOf(key) }))
	} else {
		options = append(options, cacheable.Tags(tagsOf))
	}
	if n.cfg.Schema != "" {
		options = append(options, cacheable.Schema(n.cfg.Schema))
	}
	if n.cfg.Near {
		options = append(options, cacheable.Near(1000, time.Hour))
	}
	if n.cfg.Refresh {
		options = append(options, cacheable.TTL(20*time.Millisecond), cacheable.RefreshAhead(0.3), cacheable.FailSafe(time.Hour))
	}
	n.cache = cacheable.New(n.store, "cell", n.load, options...)
	n.many = cacheable.NewMany(n.store, "cell", n.loadAll, options...)
	n.writes = n.decoratedWrites()
	for way, evictNow := range n.directEvictions() {
		n.writes[way] = func(ctx context.Context, m pipe.Message) (pipe.Value, error) {
			v, err := n.write(ctx, m)
			if err != nil {
				return v, err
			}
			return v, evictNow(ctx, m.Key, v)
		}
	}
}

func (n *node) decoratedWrites() map[string]writer {
	key := func(m pipe.Message) string { return m.Key }
	keys := func(m pipe.Message) []string { return []string{m.Key} }
	tags := evict.Tags(n.store, func(m pipe.Message) []string { return tagsOf(m.Key) })
	value := func(m pipe.Message, v pipe.Value) (string, pipe.Value) { return m.Key, v }
	return map[string]writer{
		"after":      evict.After(n.write, evict.Key(n.cache, key)),
		"keys":       evict.After(n.write, evict.Keys(n.cache, keys)),
		"tag":        evict.After(n.write, tags),
		"expire":     evict.After(n.write, evict.Expire(n.cache, key)),
		"all":        evict.After(n.write, evict.All[pipe.Message](n.cache)),
		"around":     evict.Around(n.write, evict.Key(n.cache, key)),
		"around tag": evict.Around(n.write, tags),
		"replace":    evict.Around(n.write, evict.Replace(n.cache, value)),
		"none":       n.write, // what must not go unnoticed
	}
}

func (n *node) directEvictions() map[string]func(ctx context.Context, key string, v pipe.Value) error {
	return map[string]func(context.Context, string, pipe.Value) error{
		"put":        func(ctx context.Context, key string, v pipe.Value) error { return n.cache.Put(ctx, key, v) },
		"evict":      func(ctx context.Context, key string, _ pipe.Value) error { return n.cache.Evict(ctx, key) },
		"expire now": func(ctx context.Context, key string, _ pipe.Value) error { return n.cache.Expire(ctx, key) },
		"by tag": func(ctx context.Context, key string, _ pipe.Value) error {
			return evict.ByTag(ctx, n.store, tagsOf(key)...)
		},
		"by pattern": func(ctx context.Context, key string, _ pipe.Value) error {
			_, err := evict.ByPattern(ctx, n.store, "cell:"+key)
			return err
		},
		"everything": func(ctx context.Context, _ string, _ pipe.Value) error { return evict.Everything(ctx, n.store) },
	}
}

func (n *node) load(ctx context.Context, key string) (pipe.Value, error) {
	m, err := n.conn.Call(ctx, pipe.Message{Do: "load", Key: key})
	return pipe.Value{Version: m.Value.Version, Filler: n.cfg.Name}, err
}

// loadAll leaves out what does not exist.
func (n *node) loadAll(ctx context.Context, keys []string) (map[string]pipe.Value, error) {
	values := make(map[string]pipe.Value, len(keys))
	for _, key := range keys {
		v, err := n.load(ctx, key)
		if errors.Is(err, pipe.ErrAbsent) {
			continue
		}
		if err != nil {
			return nil, err
		}
		values[key] = v
	}
	return values, nil
}

func (n *node) write(ctx context.Context, m pipe.Message) (pipe.Value, error) {
	v := pipe.Value{Version: m.Value.Version, Filler: n.cfg.Name}
	_, err := n.conn.Call(ctx, pipe.Message{Do: "store", Key: m.Key, Value: v})
	return v, err
}
