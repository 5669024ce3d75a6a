package entry

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/jollyjet/aside/internal/redisx"
	"github.com/jollyjet/aside/internal/tagversion"
	"github.com/jollyjet/aside/internal/wire"
)

// Finish is how a lease ends, in [Cache.FinishAll].
type Finish struct {
	Lease    *Lease
	Contents *Contents     // nil: give the lease up
	Cooldown time.Duration // if given up: see [Lease.Cooldown]
	Remove   bool          // if given up: see [Lease.Remove]
}

// Store stores the contents if the lease still holds. It reports whether they are confirmed: stored, and not evicted,
// directly or by a tag, since the lease was taken.
func (l *Lease) Store(ctx context.Context, r Contents) (bool, error) {
	return l.finish(ctx, Finish{Contents: &r})
}

// Release gives the lease up without storing anything. It reports whether what was loaded under it is confirmed: not
// evicted since the lease was taken.
func (l *Lease) Release(ctx context.Context) (bool, error) { return l.finish(ctx, Finish{}) }

// Remove gives the lease up like Release, and removes the version that it is on if it is that of a refresh: for a load that
// brought something newer that is not to be stored.
func (l *Lease) Remove(ctx context.Context) (bool, error) {
	return l.finish(ctx, Finish{Remove: true})
}

// Cooldown gives the lease up like Release, and, if it is a refresh, keeps everybody from another refresh of that version
// for d. Loads of what is stale and refreshes of what is fresh do not keep each other from anything.
func (l *Lease) Cooldown(ctx context.Context, d time.Duration) (bool, error) {
	return l.finish(ctx, Finish{Cooldown: d})
}

func (l *Lease) finish(ctx context.Context, f Finish) (bool, error) {
	ref, tags := l.valueTags(f.Contents)
	l.cache.cfg.Versions.CheckValueTags(ctx, tags)
	e := l.ending(f, ref, tags)
	err := l.cache.cfg.Wire.Run(ctx, e.calls...)
	l.cache.tidyUp(ctx, e)
	return e.confirmed(), err
}

// FinishAll is [Lease.Store], [Lease.Release], [Lease.Remove] or [Lease.Cooldown] for several leases together. It reports
// which are confirmed.
func (c *Cache) FinishAll(ctx context.Context, finishes []Finish) (confirmed []bool, err error) {
	confirmed = make([]bool, 0, len(finishes))
	waiting := make([]*Lease, len(finishes))
	for i, f := range finishes {
		waiting[i] = f.Lease
	}
	var alive keptAlive
	for some := range slices.Chunk(finishes, chunk) {
		alive.renew(ctx, c, waiting[len(confirmed):])
		stood, failed := c.finishChunk(ctx, some)
		confirmed, err = append(confirmed, stood...), cmp.Or(err, failed)
	}
	return confirmed, err
}

func (c *Cache) finishChunk(ctx context.Context, finishes []Finish) (confirmed []bool, err error) {
	confirmed = make([]bool, len(finishes))
	endings := make([]*ending, len(finishes))
	refs, tags := make([]*Ref, len(finishes)), make([]*tagversion.ValueTags, len(finishes))
	for i, f := range finishes {
		refs[i], tags[i] = f.Lease.valueTags(f.Contents)
	}
	c.cfg.Versions.CheckValueTags(ctx, tags...)
	var calls []*wire.Call
	for i, f := range finishes {
		endings[i] = f.Lease.ending(f, refs[i], tags[i])
		calls = append(calls, endings[i].calls...)
	}
	err = c.cfg.Wire.Run(ctx, calls...)
	c.tidyUp(ctx, endings...)
	for i, e := range endings {
		confirmed[i] = e.confirmed()
	}
	return confirmed, err
}

// valueTags prepares the check of the tags that only the contents tell.
func (l *Lease) valueTags(r *Contents) (*Ref, *tagversion.ValueTags) {
	if r == nil {
		r = &Contents{}
	}
	ref, added := l.cache.withTags(l.ref, r.Tags)
	return ref, l.cache.scope.ValueTags(&l.before, added, r.longest())
}

// ending is the end of a lease: the change of the key, of the lease of a refresh, and after them a read of the versions, to
// see whether they are still the same.
type ending struct {
	lease    *Lease
	numbers  []byte
	change   *wire.Call
	last     *wire.Call // removes the lease
	snapshot *tagversion.Snapshot
	calls    []*wire.Call
	evicted  bool // perhaps; also by an eviction that is still queued, or by one that Redis has lost
}

func (l *Lease) ending(f Finish, ref *Ref, tags *tagversion.ValueTags) *ending {
	r := f.Contents
	e := &ending{
		lease: l, numbers: tags.Numbers(), snapshot: l.cache.snapshot(ref, false),
		evicted: !tags.Current() || l.outlived() || l.cache.queued(ref) ||
			r == nil && l.cache.scope.FromValues, // then nobody has looked at the tags
	}
	switch {
	case r != nil && !e.evicted:
		record := l.cache.record(ref, e.numbers, l.before.Created, *r)
		if l.anchor != nil {
			record = slices.Concat(l.anchor, record)
		}
		e.calls = l.cache.cfg.Versions.Extends(&l.cache.scope, l.ref.tags, r.longest(), l.before.Created)
		e.change = l.onKey("set", record, r.lifetime().Milliseconds())
	case l.refreshes() && !f.Remove:
		e.change = l.onKey("test")
	default:
		e.change = l.onKey("drop")
	}
	e.last = e.change
	e.calls = append(e.calls, e.change)
	if l.refreshes() && l.lease != nil {
		e.last = l.onLease("drop")
		if r == nil && f.Cooldown > 0 {
			e.last = l.onLease("set", l.cooldown(), f.Cooldown.Milliseconds())
		}
		e.calls = append(e.calls, e.last)
	}
	e.calls = append(e.calls, e.snapshot.Reads()...)
	return e
}

// tidyUp gives back the leases that may still be there. What was to replace one may not have fitted into Redis although the
// lease did.
func (c *Cache) tidyUp(ctx context.Context, endings ...*ending) {
	var refused []*Lease
	for _, e := range endings {
		switch err := e.last.Err(); {
		case err == nil || e.lease.lease == nil:
		case redisx.Refused(err): // it answers
			refused = append(refused, e.lease)
		default:
			c.leftBehind(e.lease)
		}
	}
	c.GiveBack(ctx, refused...)
}

// confirmed reports whether the lease held to the end, and nothing that the entry depends on was evicted.
func (e *ending) confirmed() bool {
	for _, c := range e.calls {
		if c.Err() != nil {
			return false
		}
	}
	e.snapshot.Answered()
	e.lease.cache.cfg.Versions.Changed(e.lease.key)
	return e.change.Did() && !e.evicted && !e.lease.outlived() && e.snapshot.Match(e.numbers, 0)
}
