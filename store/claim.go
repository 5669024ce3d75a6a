package store

import (
	"context"
	"time"

	"github.com/jollyjet/aside/internal/envelope"
)

// Claim is the right to store the result of a load that is about to begin: a lease on the key, or, for the refresh of
// a value that stays readable meanwhile, the version that was seen. It lapses with whatever changes the key.
type Claim struct {
	space  *Space
	ref    *Ref
	record []byte // what the key must still begin with
	lease  []byte // the lease that is renewed meanwhile; nil if there is none
	at     string // where the lease is: the key itself, or that of its refresh
	epoch  uint64 // of the evictions, before the load
	origin
}

// acquireTries bounds how often Acquire replaces an invalid entry that turns into another one meanwhile.
const acquireTries = 3

// Acquire looks at the entry anew and takes the lease on it if there is nothing to read and nobody else has it. It
// returns a claim, or what is there instead: a value, a foreign lease (see [Space.Wait]) or a hold. seen is an
// invalid view that an earlier read found, to be replaced at once, or the zero View. The error wraps
// [ErrUnavailable].
func (p *Space) Acquire(ctx context.Context, ref *Ref, seen View) (*Claim, View, error) {
	return p.acquire(ctx, ref, seen, false)
}

// Overtake is Acquire, but it takes the lease from another loader, whose result is not stored then.
func (p *Space) Overtake(ctx context.Context, ref *Ref, seen View) (*Claim, View, error) {
	return p.acquire(ctx, ref, seen, true)
}

// AcquireOver is Acquire for a refresh by hand: it takes the lease from another loader, and where there is a value it
// returns a claim on that version, which stays where it is.
func (p *Space) AcquireOver(ctx context.Context, ref *Ref) (*Claim, View, error) {
	epoch := p.st.evictions.epoch.Load()
	claim, v, err := p.acquire(ctx, ref, View{}, true)
	if err == nil && claim == nil && (v.State == Value || v.State == Negative || v.State == Stale) {
		claim = &Claim{
			space: p, ref: ref, record: envelope.Identity(v.raw), epoch: epoch,
			origin: origin{gens: v.entry.Gens[:p.gensOf(ref)], groups: v.groups, created: p.st.clock.now()},
		}
	}
	return claim, v, err
}

func (p *Space) acquire(ctx context.Context, ref *Ref, seen View, displace bool) (*Claim, View, error) {
	for try := 1; ; try++ {
		claim, v, err := p.attempt(ctx, ref, seen, displace)
		if err != nil || claim != nil || v.State != Invalid || try == acquireTries {
			return claim, v, err
		}
		seen = v
	}
}

// attempt asks for a claim once.
func (p *Space) attempt(ctx context.Context, ref *Ref, seen View, displace bool) (*Claim, View, error) {
	a := p.try(ref, seen, displace)
	p.st.carryOut(ctx, a)
	return a.claim, a.view, a.err
}

// Keep renews the lease until done is closed or ctx ends. It returns earlier if the lease is lost, for then there is
// nothing to keep; a Redis that does not answer is asked again.
func (c *Claim) Keep(ctx context.Context, done <-chan struct{}) {
	if c.lease == nil {
		return
	}
	tick := time.NewTicker(c.space.st.cfg.lease / 3)
	defer tick.Stop()
	for {
		select {
		case <-done:
			return
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		renew := c.ofLease("renew", c.space.st.cfg.lease.Milliseconds())
		if err := c.space.st.run(ctx, renew); err == nil && !renew.Did() {
			return
		}
	}
}

// Result is what a load came to, ready to be stored.
type Result struct {
	Negative bool
	Payload  []byte
	TTL      time.Duration // how long it counts as fresh, in whole milliseconds
	Extra    time.Duration // how much longer it is kept, for when the source fails
	Cost     time.Duration // how long the load took
	Idle     time.Duration // it is kept for no longer than this, unless it is touched; 0 is no bound
	Tags     []string      // that are known from the value; see [Space.TagsFromValues]
}

// Fill stores the result if the claim still holds. It reports whether the result is confirmed: stored, and not
// evicted, directly or by a tag, since the claim was acquired.
func (c *Claim) Fill(ctx context.Context, r Result) (bool, error) {
	return c.finish(ctx, Finish{Result: &r})
}

// Drop gives the claim up without storing anything. It reports whether what was loaded under it is confirmed: not
// evicted since the claim was acquired.
func (c *Claim) Drop(ctx context.Context) (bool, error) { return c.finish(ctx, Finish{}) }

// Clear gives the claim up like Drop, and removes the version that it is on if it is that of a refresh: for a load that
// brought something newer that is not to be stored.
func (c *Claim) Clear(ctx context.Context) (bool, error) { return c.finish(ctx, Finish{Clear: true}) }

// Cool gives the claim up like Drop, and, if it is a refresh, keeps everybody from trying again before pause is over.
func (c *Claim) Cool(ctx context.Context, pause time.Duration) (bool, error) {
	return c.finish(ctx, Finish{Pause: pause})
}

func (c *Claim) finish(ctx context.Context, f Finish) (bool, error) {
	b := c.bond(f.Result)
	c.space.st.tie(ctx, b)
	e := c.ending(f, b)
	err := c.space.st.run(ctx, e.calls...)
	return e.confirmed(), err
}

// ending is the end of a claim: the change of the key, what is to be done with the lease of a refresh, and after them a
// look whether the generations are still the same.
type ending struct {
	claim   *Claim
	gens    []byte
	change  *call
	look    *look
	calls   []*call
	evicted bool // perhaps; also by an eviction that is still queued, or by one that Redis has lost
}

// bond ties a result to its tags. Without any there is nothing to do for it.
func (c *Claim) bond(r *Result) *bond {
	if r == nil {
		r = &Result{}
	}
	return c.space.newBond(c.ref, &c.origin, r.Tags)
}

func (c *Claim) ending(f Finish, b *bond) *ending {
	r := f.Result
	e := &ending{
		claim: c, gens: b.gens, look: c.space.look(b.ref, false),
		evicted: !b.current || c.outlived() || c.space.blocked(b.ref) || r == nil && c.space.valueTags, // then nobody has looked at the tags
	}
	refreshes := c.at != c.ref.addr // the version that is there was readable meanwhile
	switch {
	case r != nil && !e.evicted:
		e.change = c.ofKey("set", c.space.record(b.ref, b.gens, c.created, *r), r.kept().Milliseconds())
	case refreshes && !f.Clear:
		e.change = c.ofKey("test")
	default:
		e.change = c.ofKey("drop")
	}
	e.calls = append(e.calls, e.change)
	switch {
	case !refreshes || c.lease == nil:
	case r == nil && f.Pause > 0:
		e.calls = append(e.calls, c.ofLease("set", envelope.NewCooldown(), f.Pause.Milliseconds()))
	default:
		e.calls = append(e.calls, c.ofLease("drop"))
	}
	e.calls = append(e.calls, e.look.reads()...)
	return e
}

// confirmed reports whether the claim held to the end, and nothing that it depends on was evicted.
func (e *ending) confirmed() bool {
	for _, c := range e.calls {
		if c.Err() != nil {
			return false
		}
	}
	e.look.answered()
	e.claim.space.st.changed(e.claim.ref.addr)
	return e.change.Did() && !e.evicted && !e.claim.outlived() && e.look.match(e.gens, 0)
}

// outlived reports whether Redis may have come back with older data, and so with the claim but without an eviction that
// had ended it.
func (c *Claim) outlived() bool { return c.epoch != c.space.st.evictions.epoch.Load() }

// ofKey changes the key, if it is still as it was claimed.
func (c *Claim) ofKey(what string, args ...any) *call {
	return &call{Script: casScript, Key: c.ref.addr, Args: append([]any{c.record, what}, args...)}
}

// ofLease changes the lease, if it is still this claim's.
func (c *Claim) ofLease(args ...any) *call {
	return &call{Script: casScript, Key: c.at, Args: append([]any{c.lease}, args...)}
}

// kept is how long Redis keeps the result.
func (r *Result) kept() time.Duration {
	kept := r.TTL + r.Extra
	if r.Idle > 0 {
		kept = min(kept, r.Idle)
	}
	return kept
}

// record makes the bytes of an entry. Its time to live begins now, its age when the load began.
func (p *Space) record(ref *Ref, gens []byte, created int64, r Result) []byte {
	loaded := max(0, time.Duration(p.st.clock.now()-created)*time.Microsecond)
	e := envelope.Entry{
		Kind: envelope.Value, Token: envelope.NewToken(), Created: created, TTL: loaded + r.TTL, Cost: r.Cost,
		Schema: p.schema, Gens: gens, Key: []byte(ref.full), Tags: ref.names, Payload: r.Payload,
	}
	if r.Negative {
		e.Kind = envelope.Negative
	}
	record := envelope.Append(make([]byte, 0, envelope.Size(&e)), &e)
	p.counts.written.Add(int64(len(record)))
	return record
}
