package store

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"github.com/jollyjet/aside/internal/envelope"
	"github.com/jollyjet/aside/internal/redisx"
)

// attempt is one try to get a claim, together with a look at the generations, in a form that lets several go in one
// round trip.
type attempt struct {
	candidate *Claim
	seen      View
	look      *look
	calls     []*call
	take      *call
	entry     *call // reads the entry, where the lease stands beside it
	sent      time.Time
	epoch     uint64

	claim *Claim
	view  View // what is there, if there is no claim
	err   error
}

// try prepares a try for the lease on an absent or invalid entry.
func (p *Space) try(ref *Ref, seen View, displace bool) *attempt {
	a := &attempt{seen: seen}
	if !p.admits(ref, a) {
		return a
	}
	lease := envelope.NewLease(envelope.NewToken())
	replace := []byte{}
	if seen.State == Invalid {
		replace = envelope.Identity(seen.raw)
	}
	a.prepare(&Claim{space: p, ref: ref, record: lease, lease: lease, at: ref.addr}, replace, displace)
	return a
}

// refreshOf is where the lease of a refresh stands: beside the entry, in its slot.
func refreshOf(addr string) string { return addr + ":r" }

// tryRefresh prepares a try for the claim on a version that was seen.
func (p *Space) tryRefresh(ref *Ref, seen View) *attempt {
	a := &attempt{seen: seen}
	if !p.admits(ref, a) {
		return a
	}
	lease := envelope.NewLease(envelope.NewToken())
	c := &Claim{space: p, ref: ref, record: envelope.Identity(seen.raw), lease: lease, at: refreshOf(ref.addr)}
	a.prepare(c, []byte{}, false)
	a.entry = redisx.Get(ref.addr) // after the lease is taken, so that what is newer is seen
	a.calls = append(a.calls, a.entry)
	return a
}

// admits reports whether Redis is to be asked at all.
func (p *Space) admits(ref *Ref, a *attempt) bool {
	a.epoch = p.st.evictions.epoch.Load()
	if p.st.life.closed.Load() {
		a.err = ErrClosed
		return false
	}
	if p.blocked(ref) {
		a.view = View{State: Held}
		return false
	}
	return true
}

func (a *attempt) prepare(c *Claim, replace []byte, displace bool) {
	a.candidate, a.look = c, c.space.look(c.ref, true)
	a.take = &call{Script: takeScript, Key: c.at, Args: []any{
		c.lease, c.space.st.cfg.lease.Milliseconds(), replace, envelope.LeasePrefix(), displace,
	}}
	a.calls = append(a.look.starts(), a.take)
}

// carryOut carries out the attempts in one round trip, and gives back what turns out to be of no use in another.
func (s *Store) carryOut(ctx context.Context, attempts ...*attempt) {
	var calls, back []*call
	for _, a := range attempts {
		calls = append(calls, a.calls...)
		a.sent = time.Now()
	}
	if len(calls) == 0 {
		return
	}
	_ = s.run(ctx, calls...) // each attempt looks at its own calls
	for _, a := range attempts {
		if a.candidate != nil {
			back = append(back, a.settle()...)
		}
	}
	s.completeAll(ctx, attempts)
	if len(back) > 0 {
		ctx, done := redisx.Linger(ctx)
		defer done()
		_ = s.run(ctx, back...) // where that fails the lease runs out
	}
}

// completeAll asks for the tags of the values that were found.
func (s *Store) completeAll(ctx context.Context, attempts []*attempt) {
	var open []*View
	var of []*attempt
	for _, a := range attempts {
		if a.view.open != nil {
			open, of = append(open, &a.view), append(of, a)
		}
	}
	for i, err := range s.complete(ctx, open...) {
		if err != nil && of[i].claim == nil {
			of[i].err = err
		}
	}
}

// settle finds out what came of the attempt. It returns what is to be undone.
func (a *attempt) settle() (undo []*call) {
	taken, other, err := a.taken()
	for _, c := range a.calls {
		if err == nil && c.Err() != nil {
			err = unavailable(c.Err())
		}
	}
	if err != nil {
		a.err = err
		return a.drop(taken)
	}
	if a.epoch != a.candidate.space.st.evictions.epoch.Load() { // what is there may be what was evicted
		a.view = View{State: Held}
		return a.drop(taken)
	}
	a.look.answered()
	a.candidate.origin = a.look.origin(a.candidate.created)
	a.candidate.epoch = a.epoch
	if a.entry != nil {
		return a.settleRefresh(taken, other)
	}
	switch {
	case !taken:
		a.view = a.candidate.space.judge(a.candidate.ref, other.raw, true, a.look)
		a.view.left, a.view.groups = other.left, a.look.groups
	case a.look.held(): // by a tag: the lease is of no use
		a.view = View{State: Held}
		return a.drop(true)
	default:
		a.claim = a.candidate
	}
	return nil
}

func (a *attempt) settleRefresh(taken bool, other View) (undo []*call) {
	c := a.candidate
	raw, err := a.entry.Reply.Text()
	a.view = c.space.judge(c.ref, []byte(raw), err == nil, a.look)
	same := bytes.Equal(envelope.Identity(a.view.raw), c.record)
	switch readable := a.view.State == Stale || a.view.State == Value || a.view.State == Negative; {
	case taken && same && readable:
		a.claim = c
		return nil
	case same && other.State == Leased:
		a.view.State, a.view.left = Leased, other.left
	case same:
		a.view.left = other.left // of a cooldown
	}
	return a.drop(taken)
}

func (a *attempt) drop(taken bool) []*call {
	if !taken {
		return nil
	}
	return []*call{a.candidate.ofLease("drop")}
}

// taken reads the reply to the take. If the lease was not taken, the view is of what stands there: the lease of
// another, an entry, or a cooldown.
func (a *attempt) taken() (bool, View, error) {
	if err := a.take.Err(); err != nil {
		return false, View{}, unavailable(err)
	}
	reply, err := a.take.Reply.Slice()
	if err != nil || len(reply) < 3 || reply[0] != int64(1) && len(reply) < 5 {
		return false, View{}, fmt.Errorf("%w: unexpected answer to a script: %v", ErrUnavailable, a.take.Reply.Val())
	}
	if now, ok := micros(reply[1], reply[2]); ok {
		a.candidate.space.st.clock.learn(now, a.sent)
		a.candidate.created = now
	}
	if reply[0] == int64(1) {
		return true, View{}, nil
	}
	v := View{raw: []byte(text(reply[3]))}
	if left, _ := reply[4].(int64); left > 0 {
		v.left = time.Duration(left) * time.Millisecond
	}
	if envelope.KindOf(v.raw) == envelope.Lease {
		v.State = Leased
	}
	return false, v, nil
}
