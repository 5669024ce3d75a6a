package store

import (
	"context"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/jollyjet/aside/internal/redisx"
)

// ReadAll is [Space.Read] for several entries in one round trip (one per node of a Cluster). Each has its own error.
func (p *Space) ReadAll(ctx context.Context, refs []*Ref) ([]View, []error) {
	epoch := p.st.evictions.epoch.Load()
	views, errs := make([]View, len(refs)), make([]error, len(refs))
	looks, entries := make([]*look, len(refs)), make([]*call, len(refs))
	var calls []*call
	for i, ref := range refs {
		if p.st.life.closed.Load() || p.blocked(ref) {
			views[i].State = Held
			continue
		}
		looks[i], entries[i] = p.look(ref, false), redisx.Get(ref.addr)
		calls = append(append(calls, looks[i].reads()...), entries[i])
	}
	if len(calls) == 0 {
		return views, errs
	}
	p.st.gather(ctx, calls)
	var open []*View
	var of []int
	for i, l := range looks {
		if l == nil {
			continue
		}
		if errs[i] = l.err(entries[i]); errs[i] == nil {
			l.answered()
			raw, err := entries[i].Reply.Text()
			views[i] = p.judge(refs[i], []byte(raw), err == nil, l)
			if views[i].open != nil {
				open, of = append(open, &views[i]), append(of, i)
			}
		}
	}
	for n, err := range p.st.complete(ctx, open...) {
		errs[of[n]] = err
	}
	if epoch != p.st.evictions.epoch.Load() { // they may be what was evicted
		for i := range views {
			views[i] = View{State: Held}
		}
	}
	return views, errs
}

// err is the first error of the look's calls and of the entry's.
func (l *look) err(entry *call) error {
	if err := entry.Err(); err != nil {
		return unavailable(err)
	}
	for i := range l.asks {
		if err := l.asks[i].call.Err(); err != nil {
			return unavailable(err)
		}
	}
	return nil
}

// gather carries out calls that read: on one node by a single command, which asks for each key once.
func (s *Store) gather(ctx context.Context, reads []*call) {
	if _, ok := s.rdb.Single(); !ok {
		_ = s.run(ctx, reads...)
		return
	}
	places := make(map[string]int)
	var keys []string
	for _, c := range reads {
		if _, ok := places[c.Key]; !ok {
			places[c.Key] = len(keys)
			keys = append(keys, c.Key)
		}
	}
	replies, err := s.mget(ctx, keys)
	for _, c := range reads {
		c.Reply = redis.NewCmd(ctx)
		switch {
		case err != nil:
			c.Reply.SetErr(err)
		case replies[places[c.Key]] == nil:
			c.Reply.SetErr(redis.Nil)
		default:
			c.Reply.SetVal(replies[places[c.Key]])
		}
	}
}

// AcquireAll is [Space.Acquire] for several entries in one round trip, or two where generations have to be started;
// for those of which a stale version was seen it is [Space.AcquireRefresh]. It tries once.
func (p *Space) AcquireAll(ctx context.Context, refs []*Ref, seen []View) ([]*Claim, []View, []error) {
	attempts := make([]*attempt, len(refs))
	for i, ref := range refs {
		if s := seen[i].State; s == Stale || s == Value {
			attempts[i] = p.tryRefresh(ref, seen[i])
		} else {
			attempts[i] = p.try(ref, seen[i], false)
		}
	}
	p.st.carryOut(ctx, attempts...)
	claims, views, errs := make([]*Claim, len(refs)), make([]View, len(refs)), make([]error, len(refs))
	for i, a := range attempts {
		claims[i], views[i], errs[i] = a.claim, a.view, a.err
	}
	return claims, views, errs
}

// KeepAll is [Claim.Keep] for several claims.
func (p *Space) KeepAll(ctx context.Context, claims []*Claim, done <-chan struct{}) {
	tick := time.NewTicker(p.st.cfg.lease / 3)
	defer tick.Stop()
	for {
		select {
		case <-done:
			return
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		renewals := make([]*call, len(claims))
		for i, c := range claims {
			renewals[i] = c.ofLease("renew", p.st.cfg.lease.Milliseconds())
		}
		_ = p.st.run(ctx, renewals...) // what is lost is noticed in the end
	}
}

// Finish is what is to be done with a claim in [Space.FinishAll].
type Finish struct {
	Claim  *Claim
	Result *Result       // nil: give the claim up
	Pause  time.Duration // if given up: see [Claim.Cool]
	Clear  bool          // if given up: see [Claim.Clear]
}

// FinishAll is [Claim.Fill], [Claim.Drop], [Claim.Clear] or [Claim.Cool] for several claims together. It reports which
// are confirmed.
func (p *Space) FinishAll(ctx context.Context, finishes []Finish) (confirmed []bool, err error) {
	confirmed = make([]bool, len(finishes))
	endings := make([]*ending, len(finishes))
	bonds := make([]*bond, len(finishes))
	for i, f := range finishes {
		bonds[i] = f.Claim.bond(f.Result)
	}
	p.st.tie(ctx, bonds...)
	var calls []*call
	for i, f := range finishes {
		endings[i] = f.Claim.ending(f, bonds[i])
		calls = append(calls, endings[i].calls...)
	}
	if len(calls) > 0 {
		err = p.st.run(ctx, calls...)
	}
	for i, e := range endings {
		confirmed[i] = e.confirmed()
	}
	return confirmed, err
}
