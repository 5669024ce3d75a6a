package tagversion

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/jollyjet/aside/internal/envelope"
	"github.com/jollyjet/aside/internal/lua"
	"github.com/jollyjet/aside/internal/redisx"
	"github.com/jollyjet/aside/internal/wire"
)

// Batch is how many keys are evicted in one round trip.
const Batch = 512

// mostRounds bounds how often the same keys are evicted where they can't be held.
const mostRounds = 16

// notFound is added to the reply of unhold.lua if the hold did not stand.
const notFound = 4

var errLapsed = errors.New("the holds did not stand until their end")

// Together carries out calls of unhold.lua, which have no new record, so that each eviction takes effect after all others:
// what is loaded from now on, through any depth of caches that read each other, rests on nothing that any of them evicts.
//
// It holds all keys, and ends the holds when all stand. The order of the ends does not matter then, nor that of tags and
// their buckets. On one node a pipeline does both, for a connection keeps the order. Where Redis refuses the holds, because
// it is full, the keys are evicted as often as they have groups, each time when the time before is answered.
//
// done reports whether that was achieved, also beside [wire.ErrUnreplicated]. Otherwise the calls that succeeded have evicted
// their keys, but all have to be repeated together. deliver sends evictions; hold is how long a hold lasts whose end does
// not arrive.
func (v *Versions) Together(ctx context.Context, deliver wire.Send, hold time.Duration, ends ...*wire.Call) (done bool, err error) {
	t := &together{v: v, deliver: deliver, asked: ends, hold: hold}
	buckets := v.bucketCalls(ends)
	for _, c := range buckets {
		if c != nil {
			t.ends = append(t.ends, c)
		}
	}
	t.ends = append(t.ends, ends...)
	if v.cfg.Wire.Single() && len(t.ends) <= Batch {
		done, err = t.inOne(ctx)
	}
	if !done && answered(err) {
		done, err = t.inTwo(ctx)
	}
	v.bucketsChanged(buckets)
	v.failWith(ctx, buckets, ends)
	return done, err
}

// answered reports whether all evictions were carried out.
func answered(err error) bool { return err == nil || errors.Is(err, wire.ErrUnreplicated) }

type together struct {
	v       *Versions
	deliver wire.Send
	hold    time.Duration
	asked   []*wire.Call // the ends of the caller's keys
	ends    []*wire.Call // those of the buckets, and then asked
}

func (t *together) places() []*wire.Call {
	places := make([]*wire.Call, len(t.ends))
	for i, end := range t.ends {
		places[i] = &wire.Call{Script: lua.Hold, Key: end.Key, Args: []any{
			envelope.HoldPrefix(), end.Args[1], t.hold.Milliseconds(), "place",
		}}
	}
	return places
}

// inOne sends everything in one pipeline.
func (t *together) inOne(ctx context.Context) (done bool, err error) {
	err = t.deliver(ctx, append(t.places(), t.ends...)...)
	if failed := firstOf(t.ends); failed != nil {
		return false, failed
	}
	if !answered(err) { // some places were refused
		return false, nil
	}
	return t.foundAll(), err
}

// inTwo sends the ends when all places are answered. The end of a key whose place is not answered is not sent: a node that
// does not answer is not waited for twice.
func (t *together) inTwo(ctx context.Context) (done bool, err error) {
	places := t.places()
	for batch := range slices.Chunk(places, Batch) {
		_ = t.v.cfg.Wire.Run(ctx, batch...) // each call is looked at below
	}
	var refused error
	send := make([]*wire.Call, 0, len(t.ends))
	for i, place := range places {
		cause := place.Err()
		if cause != nil && !redisx.Refused(cause) {
			t.ends[i].Reply = place.Reply
			continue
		}
		refused = wire.FirstError(refused, cause)
		send = append(send, t.ends[i])
	}
	for batch := range slices.Chunk(send, Batch) {
		err = wire.FirstError(err, t.deliver(ctx, batch...))
	}
	if failed := firstOf(t.ends); failed != nil {
		return false, failed
	}
	switch {
	case refused != nil:
		return t.inRounds(ctx, refused)
	case !t.foundAll():
		return t.inRounds(ctx, errLapsed)
	default:
		return true, err
	}
}

// inRounds comes after all ends were carried out once. A key that rests on one of another group is right once it is evicted
// after that one is.
func (t *together) inRounds(ctx context.Context, unheld error) (done bool, err error) {
	rounds := t.groups()
	if rounds > mostRounds {
		return false, wire.Unavailable(unheld)
	}
	for range rounds - 1 {
		err = nil
		for batch := range slices.Chunk(t.asked, Batch) {
			err = wire.FirstError(err, t.v.BucketsFirst(ctx, t.deliver, batch...))
		}
		if !answered(err) {
			return false, err
		}
	}
	return true, err
}

// groups counts what may rest on each other: caches, tags, their buckets, and versions of more.
func (t *together) groups() int {
	seen := make(map[string]bool)
	for _, end := range t.ends {
		seen[t.v.cfg.Keys.Group(end.Key)] = true
	}
	return len(seen)
}

// foundAll reports whether each end has found its hold: then the hold stood from its place to its end.
func (t *together) foundAll() bool {
	return !slices.ContainsFunc(t.ends, func(end *wire.Call) bool { return !Found(end) })
}

// Found reports whether a call of unhold.lua has found its hold.
func Found(end *wire.Call) bool {
	if end.Err() != nil {
		return false
	}
	n, err := end.Reply.Int()
	return err == nil && n < notFound
}

func firstOf(calls []*wire.Call) error {
	for _, c := range calls {
		if err := c.Err(); err != nil {
			return wire.Unavailable(err)
		}
	}
	return nil
}
