package session

import (
	"context"
	"time"
)

// bindResult is the outcome of a bind.
type bindResult uint8

const (
	accepted  bindResult = iota
	tooMany              // the user has as many sessions as MaxPerUser allows
	notMember            // the session had to be in the user's set already, and is not
)

// bind adds a session to the set of its user, which makes it valid. If the user then has too many, others are evicted
// or it is refused. With mustBeMember it only extends a session that is in the set.
func (p *protocol) bind(ctx context.Context, user, handle string, ttl time.Duration, mustBeMember bool) (bindResult, error) {
	policy, must := "evict", "0"
	if p.policy == Refuse {
		policy = "refuse"
	}
	if mustBeMember {
		must = "1"
	}
	for first := true; ; first = false {
		n, evicted, err := p.script(ctx, bindScript, p.keyOfUser(user), handle, millis(ttl), p.max, policy, must)
		if err != nil {
			return tooMany, err
		}
		switch n[0] {
		case 1:
			p.deleteRevoked(ctx, user, evicted)
			return accepted, nil
		case -1:
			return notMember, nil
		}
		// Some entries may have no session any more: Redis lost it, or it was ended while the set was out of reach.
		if !first {
			return tooMany, nil
		}
		if pruned, err := p.prune(ctx, p.keyOfUser(user)); err != nil || pruned == 0 {
			return tooMany, err
		}
	}
}
