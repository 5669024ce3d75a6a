package store

import (
	"bytes"
	"context"
	"time"

	"github.com/jollyjet/aside/internal/envelope"
	"github.com/jollyjet/aside/internal/redisx"
)

// refreshOf is where the lease of a refresh stands: beside the entry, in its slot.
func refreshOf(addr string) string { return addr + ":r" }

// AcquireRefresh claims the version that seen is a view of, for a load that replaces it: the value stays readable until
// then, and in the whole fleet only one has the claim. Without a claim the view says why: somebody else has it
// ([Leased]), the last one failed and it is too early to try again ([Stale]), or the entry is not what was seen any
// more. The error wraps [ErrUnavailable].
func (p *Space) AcquireRefresh(ctx context.Context, ref *Ref, seen View) (*Claim, View, error) {
	if p.st.life.closed.Load() {
		return nil, View{}, ErrClosed
	}
	if p.blocked(ref) {
		return nil, View{State: Held}, nil
	}
	lease := envelope.NewLease(envelope.NewToken())
	c := &Claim{space: p, ref: ref, record: envelope.Identity(seen.raw), lease: lease, at: refreshOf(ref.addr)}
	take := &call{Script: takeScript, Key: c.at, Args: []any{
		lease, p.st.cfg.lease.Milliseconds(), []byte{}, envelope.LeasePrefix(), false,
	}}
	entry, look := redisx.Get(ref.addr), p.look(ref, true)
	sent := time.Now()
	if err := p.st.run(ctx, append(look.starts(), take, entry)...); err != nil {
		c.abandon(ctx, take)
		return nil, View{}, err
	}
	look.answered()
	taken, other, err := c.taken(take, sent)
	if err != nil {
		return nil, View{}, err
	}
	c.gens = look.gens()
	raw, err := entry.Reply.Text()
	now := p.judge(ref, []byte(raw), err == nil, look)
	same := bytes.Equal(envelope.Identity(now.raw), c.record)
	switch {
	case taken && same && (now.State == Stale || now.State == Value || now.State == Negative):
		return c, now, nil
	case taken:
		_ = p.st.run(ctx, c.ofLease("drop"))
		return nil, now, nil
	case same && other.State == Leased:
		now.State, now.left = Leased, other.left
		return nil, now, nil
	default:
		return nil, now, nil
	}
}

// taken reads the reply to a take. If the lease was not taken, the view is of what stands there: the lease of another,
// or a cooldown.
func (c *Claim) taken(take *call, sent time.Time) (bool, View, error) {
	reply, err := take.Reply.Slice()
	if err != nil || len(reply) < 3 {
		return false, View{}, unexpected(take)
	}
	if now, ok := micros(reply[1], reply[2]); ok {
		c.space.st.clock.learn(now, sent)
		c.created = now
	}
	if reply[0] == int64(1) {
		return true, View{}, nil
	}
	if len(reply) < 5 {
		return false, View{}, unexpected(take)
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
