package store

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/jollyjet/aside/internal/redisx"
)

// Space is the part of the keyspace that belongs to one cache: all keys "namespace:{name:...}".
type Space struct {
	st        *Store
	name      string
	prefix    string
	schema    uint64
	whole     *generation   // of this cache
	keep      time.Duration // how long generations are wanted
	valueTags bool          // see TagsFromValues
	counts    *counters
}

// minKeep is how long a generation is kept at least after it was last wanted.
const minKeep = 24 * time.Hour

// Space returns the space of the cache called name, for values of the given schema that live for ttl at most: entries
// of another schema are misses, and a generation that nobody asks for is kept for at least twice the ttl, for
// entries of a generation that is gone are misses too. It panics if name is not made of letters, digits and . _ / -, or longer than 100 characters. Spaces of the
// same name share their keys, their generation and their statistics.
func (s *Store) Space(name string, schema uint64, ttl time.Duration) *Space {
	if !plainName.MatchString(name) {
		panic(fmt.Sprintf("cache name %q: use up to 100 letters, digits and . _ / -, the first a letter or digit", name))
	}
	return &Space{
		st:     s,
		name:   name,
		prefix: entryPrefix(s.cfg.namespace, name),
		schema: schema,
		keep:   max(minKeep, 2*ttl),
		whole:  s.generationOf(markerKey(s.cfg.namespace, "all", name)),
		counts: s.countersOf(name),
	}
}

// Store returns the store that the space belongs to.
func (p *Space) Store() *Store { return p.st }

// Name returns the name of the cache.
func (p *Space) Name() string { return p.name }

// Key returns the key of the entry for the given parts. Two lists of as many parts give the same key only if they
// are equal.
func (p *Space) Key(parts ...string) Key { return textKey(p.prefix, joinParts(parts)) }

// All returns the key whose eviction evicts all of the space.
func (p *Space) All() Key { return p.whole.key }

// Tag returns the key whose eviction evicts all entries with the tag.
func (s *Store) Tag(tag string) Key {
	return markerKey(s.cfg.namespace, tagKind, joinParts([]string{tag}))
}

// Everything returns the key whose eviction evicts all of the namespace.
func (s *Store) Everything() Key { return s.everything.key }

// Ref is an entry together with the tags that it has.
type Ref struct {
	Key
	tags  []string // keys of the tags' markers, sorted and each once, so that their order is always the same
	names []string // of those that come after them because they are known from the value
}

// Ref returns the entry with the given key and tags.
func (p *Space) Ref(key Key, tags []string) Ref {
	r := Ref{Key: key}
	if len(tags) == 0 {
		return r
	}
	r.tags = make([]string, len(tags))
	for i, tag := range tags {
		r.tags[i] = p.st.Tag(tag).addr
	}
	slices.Sort(r.tags)
	r.tags = slices.Compact(r.tags)
	return r
}

// shared are the generations that every entry of the space depends on.
func (p *Space) shared() [2]*generation { return [2]*generation{p.st.everything, p.whole} }

// blocked reports whether this node may not read the entry from Redis, because an eviction of it is still queued.
func (p *Space) blocked(ref *Ref) bool {
	e := &p.st.evictions
	if e.empty() {
		return false
	}
	return e.has(ref.addr) || e.has(p.whole.key.addr) || e.has(p.st.everything.key.addr) || slices.ContainsFunc(ref.tags, e.has)
}

// Read reads the entry in one round trip. The error wraps [ErrUnavailable].
func (p *Space) Read(ctx context.Context, ref *Ref) (View, error) {
	epoch := p.st.evictions.epoch.Load()
	if p.st.life.closed.Load() || p.blocked(ref) {
		return View{State: Held}, nil
	}
	v, err := p.read(ctx, ref)
	if err == nil && epoch != p.st.evictions.epoch.Load() {
		return View{State: Held}, nil // it may be what was evicted
	}
	return v, err
}

func (p *Space) read(ctx context.Context, ref *Ref) (View, error) {
	look := p.look(ref, false)
	if len(look.asks) == 0 {
		raw, err := p.st.get(ctx, ref.addr)
		if err != nil && !absent(err) {
			return View{}, unavailable(err)
		}
		return p.judged(ctx, ref, raw, err == nil, look)
	}
	raw, present, err := look.with(ctx, ref.addr)
	if err != nil {
		return View{}, err
	}
	return p.judged(ctx, ref, raw, present, look)
}

func (p *Space) judged(ctx context.Context, ref *Ref, raw []byte, present bool, l *look) (View, error) {
	v := p.judge(ref, raw, present, l)
	if v.open == nil {
		return v, nil
	}
	return v, p.st.complete(ctx, &v)[0]
}

func (s *Store) get(ctx context.Context, key string) ([]byte, error) {
	cmd := redis.NewStringCmd(ctx, "get", key)
	if err := s.rdb.Do(ctx, key, &redisx.StringCmd{StringCmd: cmd}); err != nil {
		return nil, err
	}
	return cmd.Bytes()
}

// mget reads keys of a single node. The last one is that of an entry, if any is.
func (s *Store) mget(ctx context.Context, keys []string) ([]any, error) {
	args := make([]any, len(keys)+1)
	args[0] = "mget"
	for i, key := range keys {
		args[i+1] = key
	}
	cmd := redis.NewSliceCmd(ctx, args...)
	if err := s.rdb.Do(ctx, keys[len(keys)-1], &redisx.SliceCmd{SliceCmd: cmd}); err != nil {
		return nil, err
	}
	return cmd.Result()
}
