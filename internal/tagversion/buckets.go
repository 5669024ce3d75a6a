package tagversion

import (
	"context"
	"hash/fnv"
	"slices"

	"github.com/redis/go-redis/v9"

	"github.com/jollyjet/aside/internal/keyspace"
	"github.com/jollyjet/aside/internal/wire"
)

// bucketOf returns the number of a tag's bucket. All processes, of all versions of the program, have to agree on it.
func bucketOf(addr string) int {
	h := fnv.New32a()
	_, _ = h.Write([]byte(addr)) // it never fails
	return int(h.Sum32() % keyspace.TagBuckets)
}

// BucketsFirst sends calls some of which change the versions of tags. Before that it does the same to the buckets of these
// tags. Where that fails the calls on the tags of the bucket are sent too, which is enough for tags that follow from keys,
// but they count as failed, so that both are repeated.
func (v *Versions) BucketsFirst(ctx context.Context, send wire.Send, calls ...*wire.Call) error {
	buckets := v.bucketCalls(calls)
	first := slices.DeleteFunc(slices.Clone(buckets[:]), func(c *wire.Call) bool { return c == nil })
	if len(first) == 0 {
		return send(ctx, calls...)
	}
	err := send(ctx, first...)
	v.bucketsChanged(buckets)
	err = wire.FirstError(err, send(ctx, calls...))
	v.failWith(ctx, buckets, calls)
	return err
}

// buckets are calls on buckets, by their number; nil where there is none.
type buckets [keyspace.TagBuckets]*wire.Call

// bucketCalls returns calls that do to the buckets what the given ones do to their tags.
func (v *Versions) bucketCalls(calls []*wire.Call) (b buckets) {
	for _, c := range calls {
		if !v.cfg.Keys.IsTag(c.Key) {
			continue
		}
		if n := bucketOf(c.Key); b[n] == nil {
			b[n] = &wire.Call{Script: c.Script, Key: v.buckets[n].key.Addr(), Args: c.Args}
		}
	}
	return b
}

func (v *Versions) bucketsChanged(b buckets) {
	for _, c := range b {
		if c != nil {
			v.Changed(c.Key)
		}
	}
}

// failWith lets the calls on tags fail whose bucket has failed.
func (v *Versions) failWith(ctx context.Context, b buckets, calls []*wire.Call) {
	for _, c := range calls {
		if !v.cfg.Keys.IsTag(c.Key) {
			continue
		}
		if cause := b[bucketOf(c.Key)].Err(); cause != nil {
			c.Reply = redis.NewCmd(ctx)
			c.Reply.SetErr(cause)
		}
	}
}
