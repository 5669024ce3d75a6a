package tagversion

import (
	"context"
	"hash/fnv"

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
	var buckets [keyspace.TagBuckets]*wire.Call
	var first []*wire.Call
	for _, c := range calls {
		if !v.cfg.Keys.IsTag(c.Key) {
			continue
		}
		if n := bucketOf(c.Key); buckets[n] == nil {
			buckets[n] = &wire.Call{Script: c.Script, Key: v.buckets[n].key.Addr(), Args: c.Args}
			first = append(first, buckets[n])
		}
	}
	if len(first) == 0 {
		return send(ctx, calls...)
	}
	err := send(ctx, first...)
	for _, c := range first {
		v.Changed(c.Key)
	}
	err = wire.FirstError(err, send(ctx, calls...))
	for _, c := range calls {
		if !v.cfg.Keys.IsTag(c.Key) {
			continue
		}
		if cause := buckets[bucketOf(c.Key)].Err(); cause != nil {
			c.Reply = redis.NewCmd(ctx)
			c.Reply.SetErr(cause)
		}
	}
	return err
}
