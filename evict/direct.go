package evict

import (
	"context"

	"github.com/jollyjet/aside/internal/redisx"
	"github.com/jollyjet/aside/store"
)

// ByTag evicts all entries that have one of the tags, in whatever cache of the store. It costs one small command for
// each tag. A read that begins after it has returned, on whatever node, sees none of them. An error wraps
// store.ErrQueued: what failed is repeated in the background.
func ByTag(ctx context.Context, st *store.Store, tags ...string) error {
	ctx, done := redisx.Linger(ctx)
	defer done()
	return st.Evict(ctx, tagKeys(st, tags)...)
}

// Everything evicts all entries of the namespace, with one small command. Other nodes notice within the delay of the
// invalidation feed, see store.Strict. The memory is freed as the entries expire or are replaced. An error wraps
// store.ErrQueued.
func Everything(ctx context.Context, st *store.Store) error {
	ctx, done := redisx.Linger(ctx)
	defer done()
	return st.Evict(ctx, st.Everything())
}

// ByPattern evicts the entries whose "name:key" matches a glob in the syntax of Redis's KEYS, such as "product:4*". It
// is the slow way: it walks all keys of every master. Keys appear in patterns as they do in Redis, with the bytes
// { } , % ~ and blanks written %7B and so on, and those longer than 200 bytes not at all.
//
// It returns how many entries it has evicted. Entries that are loaded while it runs may be missed. An error comes from
// walking (it wraps store.ErrUnavailable), from ctx, or wraps store.ErrQueued; n counts what was done until then.
func ByPattern(ctx context.Context, st *store.Store, glob string, options ...PatternOption) (n int64, err error) {
	var o patternOptions
	for _, option := range options {
		option(&o)
	}
	return st.Engine().Evictor.Matching(ctx, glob, o.progress)
}

// PatternOption changes how [ByPattern] works.
type PatternOption func(*patternOptions)

type patternOptions struct{ progress func(int64) }

// Progress calls report now and then with the number of entries evicted so far, from one goroutine at a time.
func Progress(report func(evicted int64)) PatternOption {
	need("Progress", report == nil)
	return func(o *patternOptions) { o.progress = report }
}
