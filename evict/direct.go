package evict

import (
	"context"

	"github.com/jollyjet/aside/internal/redisx"
	"github.com/jollyjet/aside/store"
)

// ByTag evicts all entries that have one of the tags, in every cache of the store. It costs one small command for each
// tag. A read that begins after it has returned, on any node, sees none of them. An error wraps store.ErrQueued: failed
// evictions are retried in the background.
func ByTag(ctx context.Context, st *store.Store, tags ...string) error {
	ctx, done := redisx.Linger(ctx)
	defer done()
	return st.Evict(ctx, tagKeys(st, tags)...)
}

// Everything evicts all entries of the namespace, with one small command. Other nodes notice within the delay of the
// invalidation feed, see store.Strict. Memory is freed as entries expire or are replaced. An error wraps
// store.ErrQueued.
func Everything(ctx context.Context, st *store.Store) error {
	ctx, done := redisx.Linger(ctx)
	defer done()
	return st.Evict(ctx, st.Everything())
}

// ByPattern evicts the entries whose "name:key" matches a glob in the syntax of Redis's KEYS, such as "product:4*". It
// is slow: it visits all keys of every master. Patterns match keys as they are in Redis, where the bytes { } , % ~ and
// blanks are written %7B and so on. Keys longer than 200 bytes never match.
//
// It returns the number of entries evicted, also beside an error. Entries that are loaded while it runs may be missed.
// An error is that of ctx, or wraps store.ErrUnavailable if a master could not be visited, or store.ErrQueued.
func ByPattern(ctx context.Context, st *store.Store, glob string, options ...PatternOption) (n int64, err error) {
	var o patternOptions
	for _, option := range options {
		option(&o)
	}
	return st.Engine().Evictor.Matching(ctx, glob, o.progress)
}

// PatternOption is an option of [ByPattern].
type PatternOption func(*patternOptions)

type patternOptions struct{ progress func(int64) }

// Progress calls report from time to time with the number of entries evicted so far, never concurrently.
func Progress(report func(evicted int64)) PatternOption {
	need("Progress", report == nil)
	return func(o *patternOptions) { o.progress = report }
}
