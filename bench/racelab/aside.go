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

	ByValueTag     Mode = "valuetag"       // evict.After with evict.Tags that are known from the value alone
	AroundValueTag Mode = "aroundvaluetag" // evict.Around with such tags
)

// Modes are all modes.
var Modes = []Mode{After, ByTag, Around, AroundTag, Replace, ByValueTag, AroundValueTag}

func (m Mode) tagsOfValues() bool { return m == ByValueTag || m == AroundValueTag }

// Options are what a store needs for the strict promise to hold in a mode.
func (m Mode) Options() []store.Option {
	if m.tagsOfValues() {
		return []store.Option{store.Strict()}
	}
	return nil
}

// Aside returns nodes that use aside, one for each store.
func Aside(mode Mode, stores []*store.Store, options ...cacheable.Option) func(Source) []Node {
	return func(source Source) (nodes []Node) {
		for _, st := range stores {
			nodes = append(nodes, asideNode(mode, st, source, options))
		}
		return nodes
	}
}

// modeOf is how a key is written on the nodes of [Mixed].
func modeOf(key string) int {
	h := fnv.New32a()
	_, _ = h.Write([]byte(key))
	return int(h.Sum32()) % len(Modes)
}

// Fed reports whether the nodes of [Mixed], unless they are strict, learn from the feed alone what another has evicted of a
// key.
func Fed(key string) bool { return Modes[modeOf(key)].tagsOfValues() }

// Mixed returns nodes that use aside, one for each store, on which each key is written in one of all modes.
func Mixed(stores []*store.Store, options ...cacheable.Option) func(Source) []Node {
	return func(source Source) (nodes []Node) {
		for _, st := range stores {
			var of []Node
			for _, mode := range Modes {
				of = append(of, asideNode(mode, st, source, options))
			}
			nodes = append(nodes, Node{
				Get:   func(ctx context.Context, key string) (int64, error) { return of[modeOf(key)].Get(ctx, key) },
				Write: func(ctx context.Context, w Write) (int64, error) { return of[modeOf(w.Key)].Write(ctx, w) },
			})
		}
		return nodes
	}
}

func asideNode(mode Mode, st *store.Store, source Source, options []cacheable.Option) Node {
	tag := func(key string) []string { return []string{"tag of " + key} }
	tags := cacheable.Tags(tag)
	if mode.tagsOfValues() {
		tags = cacheable.TagsOf(func(key string, _ int64) []string { return tag(key) })
	}
	options = append([]cacheable.Option{cacheable.TTL(time.Hour), tags}, options...)
	cache := cacheable.New(st, "cell", source.Load, options...)
	key := func(w Write) string { return w.Key }
	tagsOf := func(w Write) []string { return tag(w.Key) }
	n := Node{Get: cache.Get}
	switch mode {
	case ByTag, ByValueTag:
		n.Write = evict.After(source.Store, evict.Tags(st, tagsOf))
	case Around:
		n.Write = evict.Around(source.Store, evict.Key(cache, key))
	case AroundTag, AroundValueTag:
		n.Write = evict.Around(source.Store, evict.Tags(st, tagsOf))
	case Replace:
		n.Write = evict.Around(source.Store, evict.Replace(cache, func(w Write, v int64) (string, int64) { return w.Key, v }))
	default:
		n.Write = evict.After(source.Store, evict.Key(cache, key))
	}
	return n
}
