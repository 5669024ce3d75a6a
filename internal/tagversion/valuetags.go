package tagversion

import (
	"context"
	"slices"
	"time"

	"github.com/jollyjet/aside/internal/keyspace"
	"github.com/jollyjet/aside/internal/redisx"
	"github.com/jollyjet/aside/internal/wire"
)

// Before is what was known before a value was loaded or written. The value is a hit only while its versions are the same.
type Before struct {
	Numbers []byte  // of all that the entry depends on by its key
	Buckets []State // of tags; empty if values have none
	Created int64   // on Redis's clock, in microseconds
}

// ValueTags checks the tags that only the value tells.
type ValueTags struct {
	before  *Before
	numbers []byte
	begins  []*wire.Call
	current bool
}

// ValueTags prepares the check of tags with the given Redis keys, for an entry that lives for so long. Without tags there is
// nothing to do for it.
func (s *Scope) ValueTags(before *Before, tags []string, life time.Duration) *ValueTags {
	t := &ValueTags{before: before, numbers: slices.Clip(before.Numbers), current: true}
	for _, addr := range tags {
		t.begins = append(t.begins, begin(addr, KeepFor(life)))
	}
	return t
}

// Current reports whether no tag was evicted, or held, since before the load.
func (t *ValueTags) Current() bool { return t.current }

// Numbers returns the version numbers of all that the entry depends on.
func (t *ValueTags) Numbers() []byte { return t.numbers }

// CheckValueTags carries the checks out. It takes two round trips, for the buckets must not be read before the versions of
// the tags are settled.
func (v *Versions) CheckValueTags(ctx context.Context, checks ...*ValueTags) {
	var begins, reads []*wire.Call
	var buckets [keyspace.TagBuckets]*wire.Call
	var learn [keyspace.TagBuckets]func(State)
	for _, t := range checks {
		begins = append(begins, t.begins...)
		for _, c := range t.begins {
			if n := bucketOf(c.Key); buckets[n] == nil {
				buckets[n] = redisx.Get(v.buckets[n].key.Addr())
				reads, learn[n] = append(reads, buckets[n]), v.buckets[n].reading(&v.cfg)
			}
		}
	}
	if len(begins) == 0 {
		return
	}
	_ = v.cfg.Wire.Run(ctx, begins...) // each check looks at its own calls
	_ = v.cfg.Wire.Run(ctx, reads...)  // likewise
	for n, c := range buckets {
		if c != nil && c.Err() == nil {
			learn[n](stateOf(c))
		}
	}
	for _, t := range checks {
		for _, c := range t.begins {
			t.answered(c, buckets[bucketOf(c.Key)])
		}
	}
}

func (t *ValueTags) answered(begin, bucket *wire.Call) {
	if begin.Err() != nil || bucket.Err() != nil || len(t.before.Buckets) == 0 {
		t.current = false
		return
	}
	tag, now, before := stateOf(begin), stateOf(bucket), t.before.Buckets[bucketOf(begin.Key)]
	if tag.None() || now.None() || now != before {
		t.current = false
	}
	t.numbers = append(t.numbers, tag.Number[:]...)
}
