package store

import (
	"context"
	"fmt"
	"time"

	"github.com/jollyjet/aside/internal/envelope"
)

// Claim is the right to store the result of a load that is about to begin: a lease on the key, or, for the refresh
// of a value that stays readable meanwhile, the version that was seen. It lapses with whatever changes the key.
type Claim struct {
	space   *Space
	ref     *Ref
	record  []byte // what the key must still begin with
	lease   bool
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

// AcquireOver is Acquire for a refresh: it takes the lease from another loader, and where a value can be read it
// returns a claim on that version, which stays where it is.
func (p *Space) AcquireOver(ctx context.Context, ref *Ref) (*Claim, View, error) {
	claim, v, err := p.acquire(ctx, ref, View{}, true)
	if err == nil && (v.State == Value || v.State == Negative) {
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
	c := &Claim{space: p, ref: ref, record: envelope.NewLease(envelope.NewToken()), lease: true}
	for try := 1; ; try++ {
		taken, v, err := c.take(ctx, seen, displace)
		switch {
		case err != nil:
			return nil, View{}, err
		case taken && v.State == Held: // by a tag: the lease is of no use
			c.Drop(ctx)
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
		c.abandon(take)
		return false, View{}, err
	}
	look.answered()
	reply, err := take.Reply.Slice()
	if err != nil || len(reply) < 3 {
		return false, View{}, fmt.Errorf("%w: take.lua answered %v", ErrUnavailable, take.Reply.Val())
	}
	if now, ok := micros(reply[1], reply[2]); ok {
		st.clock.learn(now, sent)
		c.created = now
	}
	c.gens = look.gens()
	if reply[0] == int64(1) {
		v := View{}
		if look.held() {
			v.State = Held
		}
		return true, v, nil
	}
	raw, _ := reply[3].(string)
	v := c.space.judge(c.ref, []byte(raw), true, look)
	if left, _ := reply[4].(int64); left > 0 {
		v.left = time.Duration(left) * time.Millisecond
	}
	return false, v, nil
}

// abandon gives a lease back that was taken in a round trip of which another part failed.
func (c *Claim) abandon(take *call) {
	if take.Err() != nil {
		return
	}
	if reply, err := take.Reply.Slice(); err == nil && len(reply) > 0 && reply[0] == int64(1) {
		ctx, cancel := context.WithTimeout(context.Background(), c.space.st.cfg.timeout)
		defer cancel()
		c.Drop(ctx)
	}
}

// Keep renews the lease until done is closed or ctx ends. It returns earlier if the lease is lost, for then there is
// nothing to keep; a Redis that does not answer is asked again.
func (c *Claim) Keep(ctx context.Context, done <-chan struct{}) {
	if !c.lease {
		return
	}
	every := c.space.st.cfg.lease / 3
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-done:
			return
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		renew := c.change("renew", c.space.st.cfg.lease.Milliseconds())
		if err := c.space.st.run(ctx, renew); err == nil && !renew.Did() {
			return
		}
	}
}

// Result is what a load came to, ready to be stored.
type Result struct {
	Negative bool
	Payload  []byte
	TTL      time.Duration // how long it is kept, in whole milliseconds
	Cost     time.Duration // how long the load took
}

// Fill stores the result if the claim still holds. It reports whether the result is confirmed: stored, and not
// evicted, directly or by a tag, since the claim was acquired.
func (c *Claim) Fill(ctx context.Context, r Result) (bool, error) {
	record := c.space.record(c.ref, c.gens, c.created, r)
	return c.finish(ctx, c.change("set", record, r.TTL.Milliseconds()))
}

// Drop gives the claim up without storing anything. It reports whether what was loaded under it is confirmed: not
// evicted since the claim was acquired.
func (c *Claim) Drop(ctx context.Context) (bool, error) {
	if !c.lease {
		return c.finish(ctx, c.change("test"))
	}
	return c.finish(ctx, c.change("drop"))
}

// finish carries out the last change of a claim and looks, after it, whether the generations are still the same.
func (c *Claim) finish(ctx context.Context, change *call) (bool, error) {
	look := c.space.look(c.ref, false)
	if err := c.space.st.run(ctx, append([]*call{change}, look.reads()...)...); err != nil {
		return false, err
	}
	look.answered()
	return change.Did() && look.match(c.gens), nil
}

func (c *Claim) change(what string, args ...any) *call {
	return &call{Script: casScript, Key: c.ref.addr, Args: append([]any{c.record, what}, args...)}
}

// record makes the bytes of an entry.
func (p *Space) record(ref *Ref, gens []byte, created int64, r Result) []byte {
	e := envelope.Entry{
		Kind: envelope.Value, Token: envelope.NewToken(), Created: created, TTL: r.TTL, Cost: r.Cost,
		Schema: p.schema, Gens: gens, Key: []byte(ref.full), Payload: r.Payload,
	}
	if r.Negative {
		e.Kind = envelope.Negative
	}
	return envelope.Append(make([]byte, 0, envelope.Size(&e)), &e)
}
