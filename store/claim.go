package store

import (
	"context"
	"fmt"
	"time"

	"github.com/jollyjet/aside/internal/envelope"
)

// Claim is the right to store the result of a load that is about to begin: a lease on the key, or, for the refresh of
// a value that stays readable meanwhile, the version that was seen. It lapses with whatever changes the key.
type Claim struct {
	space   *Space
	ref     *Ref
	record  []byte // what the key must still begin with
	lease   []byte // the lease that is renewed meanwhile; nil if there is none
	at      string // where the lease is: the key itself, or that of its refresh
	gens    []byte // generations before the load
	created int64
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

// AcquireOver is Acquire for a refresh by hand: it takes the lease from another loader, and where there is a value it
// returns a claim on that version, which stays where it is.
func (p *Space) AcquireOver(ctx context.Context, ref *Ref) (*Claim, View, error) {
	claim, v, err := p.acquire(ctx, ref, View{}, true)
	if err == nil && claim == nil && (v.State == Value || v.State == Negative || v.State == Stale) {
		claim = &Claim{
			space: p, ref: ref, record: envelope.Identity(v.raw), gens: v.entry.Gens, created: p.st.clock.now(),
		}
	}
	return claim, v, err
}

func (p *Space) acquire(ctx context.Context, ref *Ref, seen View, displace bool) (*Claim, View, error) {
	if p.st.life.closed.Load() {
		return nil, View{}, ErrClosed
	}
	if p.blocked(ref) {
		return nil, View{State: Held}, nil
	}
	lease := envelope.NewLease(envelope.NewToken())
	c := &Claim{space: p, ref: ref, record: lease, lease: lease, at: ref.addr}
	for try := 1; ; try++ {
		taken, v, err := c.take(ctx, seen, displace)
		switch {
		case err != nil:
			return nil, View{}, err
		case taken && v.State == Held: // by a tag: the lease is of no use
			_, _ = c.Drop(ctx)
			return nil, v, nil
		case taken:
			return c, View{}, nil
		case v.State != Invalid || try == acquireTries:
			return nil, v, nil
		}
		seen = v
	}
}

// take asks for the lease once, and looks at the generations in the same round trip.
func (c *Claim) take(ctx context.Context, seen View, displace bool) (bool, View, error) {
	st := c.space.st
	replace := []byte{}
	if seen.State == Invalid {
		replace = envelope.Identity(seen.raw)
	}
	take := &call{Script: takeScript, Key: c.ref.addr, Args: []any{
		c.record, st.cfg.lease.Milliseconds(), replace, envelope.LeasePrefix(), displace,
	}}
	look := c.space.look(c.ref, true)
	sent := time.Now()
	if err := st.run(ctx, append(look.starts(), take)...); err != nil {
		c.abandon(ctx, take)
		return false, View{}, err
	}
	look.answered()
	taken, other, err := c.taken(take, sent)
	if err != nil {
		return false, View{}, err
	}
	c.gens = look.gens()
	if !taken {
		v := c.space.judge(c.ref, other.raw, true, look)
		v.left = other.left
		return false, v, nil
	}
	if look.held() {
		return true, View{State: Held}, nil
	}
	return true, View{}, nil
}

func unexpected(c *call) error {
	return fmt.Errorf("%w: unexpected answer to a script: %v", ErrUnavailable, c.Reply.Val())
}

// abandon gives a lease back that was taken in a round trip of which another part failed.
func (c *Claim) abandon(ctx context.Context, take *call) {
	if take.Err() != nil {
		return
	}
	if reply, err := take.Reply.Slice(); err == nil && len(reply) > 0 && reply[0] == int64(1) {
		_ = c.space.st.run(context.WithoutCancel(ctx), c.ofLease("drop"))
	}
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
}

// Fill stores the result if the claim still holds. It reports whether the result is confirmed: stored, and not
// evicted, directly or by a tag, since the claim was acquired.
func (c *Claim) Fill(ctx context.Context, r Result) (bool, error) {
	record := c.space.record(c.ref, c.gens, c.created, r)
	return c.finish(ctx, c.ofKey("set", record, r.kept()), "drop")
}

// Drop gives the claim up without storing anything. It reports whether what was loaded under it is confirmed: not
// evicted since the claim was acquired.
func (c *Claim) Drop(ctx context.Context) (bool, error) {
	if c.refreshes() {
		return c.finish(ctx, c.ofKey("test"), "drop")
	}
	return c.finish(ctx, c.ofKey("drop"))
}

// Cool gives the claim up like Drop, and, if it is a refresh, keeps everybody from trying again before pause is over.
func (c *Claim) Cool(ctx context.Context, pause time.Duration) (bool, error) {
	if c.refreshes() && c.lease != nil {
		return c.finish(ctx, c.ofKey("test"), "set", envelope.NewCooldown(), pause.Milliseconds())
	}
	return c.Drop(ctx)
}

// refreshes reports whether the claim is on a version that stays readable.
func (c *Claim) refreshes() bool { return c.at != c.ref.addr }

// finish carries out the last change of a claim and looks, after it, whether the generations are still the same. For a
// refresh it also does what is given with the lease.
func (c *Claim) finish(ctx context.Context, change *call, withLease ...any) (bool, error) {
	look := c.space.look(c.ref, false)
	calls := append([]*call{change}, look.reads()...)
	if c.refreshes() && c.lease != nil {
		calls = append(calls, c.ofLease(withLease...))
	}
	if err := c.space.st.run(ctx, calls...); err != nil {
		return false, err
	}
	look.answered()
	c.space.st.changed(c.ref.addr)
	return change.Did() && look.match(c.gens), nil
}

// ofKey changes the key, if it is still as it was claimed.
func (c *Claim) ofKey(what string, args ...any) *call {
	return &call{Script: casScript, Key: c.ref.addr, Args: append([]any{c.record, what}, args...)}
}

// ofLease changes the lease, if it is still this claim's.
func (c *Claim) ofLease(args ...any) *call {
	return &call{Script: casScript, Key: c.at, Args: append([]any{c.lease}, args...)}
}

// kept is how long Redis keeps the result, in milliseconds.
func (r *Result) kept() int64 { return (r.TTL + r.Extra).Milliseconds() }

// record makes the bytes of an entry. Its time to live begins now, its age when the load began.
func (p *Space) record(ref *Ref, gens []byte, created int64, r Result) []byte {
	loaded := max(0, time.Duration(p.st.clock.now()-created)*time.Microsecond)
	e := envelope.Entry{
		Kind: envelope.Value, Token: envelope.NewToken(), Created: created, TTL: loaded + r.TTL, Cost: r.Cost,
		Schema: p.schema, Gens: gens, Key: []byte(ref.full), Payload: r.Payload,
	}
	if r.Negative {
		e.Kind = envelope.Negative
	}
	return envelope.Append(make([]byte, 0, envelope.Size(&e)), &e)
}
