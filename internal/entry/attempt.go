package entry

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"github.com/jollyjet/aside/internal/envelope"
	"github.com/jollyjet/aside/internal/lifecycle"
	"github.com/jollyjet/aside/internal/lua"
	"github.com/jollyjet/aside/internal/redisx"
	"github.com/jollyjet/aside/internal/tagversion"
	"github.com/jollyjet/aside/internal/wire"
)

// attempt is one try to take a lease, together with a snapshot of the versions, in a form that lets several go in one
// round trip.
type attempt struct {
	candidate *Lease
	snapshot  *tagversion.Snapshot
	calls     []*wire.Call
	take      *wire.Call
	read      *wire.Call // reads what the lease of a refresh is on
	main      *wire.Call // reads the entry, where the lease is that of a variant
	sent      time.Time
	dataEpoch uint64 // of the outbox

	lease *Lease
	found Entry  // if there is no lease
	moved bool   // the entry has no variant any more, so there is nothing to find
	other []byte // the lease of somebody else that is in the way
	err   error
}

// tryLease prepares a try for the lease on an absent or invalid entry.
func (c *Cache) tryLease(ref *Ref, seen Entry, displace bool) *attempt {
	a := c.newAttempt(ref)
	if a.err != nil || a.found.State == Bypass {
		return a
	}
	lease, key := envelope.NewLease(envelope.NewToken()), c.keyOf(ref, &seen)
	replace := []byte{}
	if seen.State == Invalid {
		replace = seen.identity()
	}
	a.prepare(&Lease{cache: c, ref: ref, key: key, anchor: seen.anchor, record: lease, lease: lease, at: key}, replace, displace)
	a.readMain()
	return a
}

// refreshOf is where the lease of a refresh stands: beside the entry, in its slot.
func refreshOf(addr string) string { return addr + ":r" }

// tryRefresh prepares a try for the lease on a version that was seen. The lease to replace may be empty.
func (c *Cache) tryRefresh(ref *Ref, seen Entry, heed bool, replace []byte) *attempt {
	a := c.newAttempt(ref)
	if a.err != nil || a.found.State == Bypass {
		return a
	}
	lease, key := envelope.NewLease(envelope.NewToken()), c.keyOf(ref, &seen)
	candidate := &Lease{cache: c, ref: ref, key: key, anchor: seen.anchor, record: seen.identity(), lease: lease, at: refreshOf(key)}
	candidate.pause = envelope.PauseAhead
	if seen.State == Stale {
		candidate.pause = envelope.PauseStale
	}
	a.prepare(candidate, replace, false)
	cooldown := []byte{}
	if heed {
		cooldown = candidate.cooldown()
	}
	a.take.Args = append(a.take.Args, cooldown)
	a.read = redisx.Get(key) // after the lease is taken, so that anything newer is seen
	a.calls = append(a.calls, a.read)
	a.readMain()
	return a
}

// readMain reads the entry too, where the lease is that of a variant. It is read last: the anchor has to be from before the
// load, and no newer record may be overlooked.
func (a *attempt) readMain() {
	if a.candidate.anchor != nil {
		a.main = redisx.Get(a.candidate.ref.Addr())
		a.calls = append(a.calls, a.main)
	}
}

// newAttempt returns an attempt that is over already if Redis must not be asked.
func (c *Cache) newAttempt(ref *Ref) *attempt {
	a := &attempt{dataEpoch: c.cfg.Outbox.DataEpoch()}
	switch c.blocked(ref) {
	case StoreClosed:
		a.err = lifecycle.ErrClosed
	case EvictionQueued:
		a.found = bypass(EvictionQueued)
	}
	return a
}

func (a *attempt) prepare(candidate *Lease, replace []byte, displace bool) {
	c := candidate.cache
	a.candidate, a.snapshot = candidate, c.snapshot(candidate.ref, true)
	a.take = &wire.Call{Script: lua.Take, Key: candidate.at, Args: []any{
		candidate.lease, c.cfg.LeaseTime.Milliseconds(), replace, envelope.LeasePrefix(), displace,
	}}
	a.calls = append(a.snapshot.Begins(), a.take)
}

// carryOut carries out the attempts in one round trip, and gives useless leases back in another. A take that was not
// answered may have been carried out, or may yet be.
func (c *Cache) carryOut(ctx context.Context, attempts ...*attempt) {
	var calls []*wire.Call
	var back []*Lease
	for _, a := range attempts {
		calls = append(calls, a.calls...)
		a.sent = time.Now()
	}
	if len(calls) == 0 {
		return
	}
	_ = c.cfg.Wire.Run(ctx, calls...) // each attempt looks at its own calls
	for _, a := range attempts {
		switch {
		case a.candidate == nil:
		case a.answered():
			back = append(back, a.candidate)
		case uncertain(a.take.Err()):
			c.leftBehind(a.candidate)
		}
	}
	c.askTagsOf(ctx, attempts)
	c.GiveBack(ctx, back...)
}

// askTagsOf asks for the open tags of the values that were found.
func (c *Cache) askTagsOf(ctx context.Context, attempts []*attempt) {
	var open []*Entry
	var of []*attempt
	for _, a := range attempts {
		if a.found.tags.Open() {
			open, of = append(open, &a.found), append(of, a)
		}
	}
	for i, err := range c.askTags(ctx, open...) {
		if err != nil && of[i].lease == nil {
			of[i].err = err
		}
	}
}

// answered finds out what came of the attempt. It reports whether a lease was taken that is of no use.
func (a *attempt) answered() (useless bool) {
	taken, other, err := a.taken()
	for _, c := range a.calls {
		if err == nil && c.Err() != nil {
			err = wire.Unavailable(c.Err())
		}
	}
	if err != nil {
		a.err = err
		return taken
	}
	candidate := a.candidate
	if a.dataEpoch != candidate.cache.cfg.Outbox.DataEpoch() { // what was found may be what was evicted
		a.found = bypass(DataChanged)
		return taken
	}
	a.snapshot.Answered()
	candidate.before, candidate.dataEpoch = a.snapshot.Before(candidate.before.Created), a.dataEpoch
	if a.main != nil && !a.anchored() {
		return taken
	}
	if a.read != nil {
		return a.refreshAnswered(taken, other)
	}
	switch {
	case !taken:
		a.found = a.evaluate(other.raw, true)
		a.found.left, a.found.buckets = other.left, candidate.before.Buckets
	case a.snapshot.Held(): // by a tag: the lease is of no use
		a.found = bypass(WriterHolds)
		return true
	default:
		a.lease = candidate
	}
	return false
}

func (a *attempt) refreshAnswered(taken bool, other Entry) (useless bool) {
	candidate := a.candidate
	raw, err := a.read.Reply.Text()
	a.found = a.evaluate([]byte(raw), err == nil)
	same := bytes.Equal(a.found.identity(), candidate.record)
	switch {
	case taken && same && a.found.readable():
		a.lease = candidate
		return false
	case same && other.State == Leased:
		a.found.State, a.found.left = Leased, other.left
	case same:
		a.found.left = other.left // of a cooldown
	}
	return taken
}

// anchored reports whether the key still has an entry of another schema. If so the anchor of the lease is that one;
// otherwise what the key has is what was found.
func (a *attempt) anchored() bool {
	c, ref := a.candidate.cache, a.candidate.ref
	raw, err := a.main.Reply.Text()
	main := c.evaluate(ref, []byte(raw), err == nil, a.snapshot)
	if main.anchor == nil {
		a.found, a.moved = main, main.State == Absent
		return false
	}
	a.candidate.anchor = main.anchor
	return true
}

// evaluate evaluates what stands where the result is to be stored.
func (a *attempt) evaluate(raw []byte, present bool) Entry {
	c, anchor := a.candidate.cache, a.candidate.anchor
	if anchor == nil {
		return c.evaluate(a.candidate.ref, raw, present, a.snapshot)
	}
	e := Entry{State: Invalid, Reason: Schema, anchor: anchor, until: a.snapshot.Until()}
	if a.snapshot.Held() {
		e.State, e.Reason = Bypass, WriterHolds
	} else {
		c.evaluateVariant(&e, a.candidate.ref, raw, a.snapshot)
	}
	return e
}

// taken reads the reply to the take. If the lease was not taken, the entry is what stands there: the lease of another, an
// entry, or a cooldown.
func (a *attempt) taken() (bool, Entry, error) {
	if err := a.take.Err(); err != nil {
		return false, Entry{}, wire.Unavailable(err)
	}
	reply, err := a.take.Reply.Slice()
	if err != nil || len(reply) < 3 || reply[0] != int64(1) && len(reply) < 5 {
		return false, Entry{}, fmt.Errorf("%w: unexpected answer to a script: %v", wire.ErrUnavailable, a.take.Reply.Val())
	}
	if now, ok := wire.Micros(reply[1], reply[2]); ok {
		a.candidate.cache.cfg.Wire.Clock.Learn(now, a.sent)
		a.candidate.before.Created = now
	}
	if reply[0] == int64(1) {
		return true, Entry{}, nil
	}
	e := Entry{raw: []byte(wire.Text(reply[3]))}
	if left, _ := reply[4].(int64); left > 0 {
		e.left = time.Duration(left) * time.Millisecond
	}
	if envelope.KindOf(e.raw) == envelope.Lease {
		e.State, a.other = Leased, e.raw
	}
	return false, e, nil
}
