package racelab

import (
	"context"
	"hash/fnv"
	"time"

	"github.com/jollyjet/aside/cacheable"
	"github.com/jollyjet/aside/evict"
	"github.com/jollyjet/aside/store"
)

// Mode is how writers evict.
type Mode string

// The modes.
const (
	After     Mode = "after"     // evict.After with evict.Key
	ByTag     Mode = "tag"       // evict.After with evict.Tags
	Around    Mode = "around"    // evict.Around with evict.Key
	AroundTag Mode = "aroundtag" // evict.Around with evict.Tags
	Replace   Mode = "replace"   // evict.Around with evict.Replace
)

// Modes are all modes.
var Modes = []Mode{After, ByTag, Around, AroundTag, Replace}

// Aside returns nodes that use aside, one for each store.
func Aside(mode Mode, stores []*store.Store, options ...cacheable.Option) func(Source) []Node {
	return func(source Source) (nodes []Node) {
		for _, st := range stores {
			nodes = append(nodes, asideNode(mode, st, source, options))
		}
		return nodes
	}
}

// Mixed returns nodes that use aside, one for each store, on which each key is written in one of all modes.
func Mixed(stores []*store.Store, options ...cacheable.Option) func(Source) []Node {
	return func(source Source) (nodes []Node) {
		for _, st := range stores {
			var of []Node
			for _, mode := range Modes {
				of = append(of, asideNode(mode, st, source, options))
			}
			at := func(key string) int {
				h := fnv.New32a()
				_, _ = h.Write([]byte(key))
				return int(h.Sum32()) % len(of)
			}
			nodes = append(nodes, Node{
				Get:   func(ctx context.Context, key string) (int64, error) { return of[at(key)].Get(ctx, key) },
				Write: func(ctx context.Context, w Write) (int64, error) { return of[at(w.Key)].Write(ctx, w) },
			})
		}
		return nodes
	}
}

func asideNode(mode Mode, st *store.Store, source Source, options []cacheable.Option) Node {
	tag := func(key string) []string { return []string{"tag of " + key} }
	options = append([]cacheable.Option{cacheable.TTL(time.Hour), cacheable.Tags(tag)}, options...)
	cache := cacheable.New(st, "cell", source.Load, options...)
	key := func(w Write) string { return w.Key }
	tags := func(w Write) []string { return tag(w.Key) }
	n := Node{Get: cache.Get}
	switch mode {
	case ByTag:
		n.Write = evict.After(source.Store, evict.Tags(st, tags))
	case Around:
		n.Write = evict.Around(source.Store, evict.Key(cache, key))
	case AroundTag:
		n.Write = evict.Around(source.Store, evict.Tags(st, tags))
	case Replace:
		n.Write = evict.Around(source.Store, evict.Replace(cache, func(w Write, v int64) (string, int64) { return w.Key, v }))
	default:
		n.Write = evict.After(source.Store, evict.Key(cache, key))
	}
	return n
}
