package cacheable

import "context"

// place is one of the places for loads that may run at the same time; without slots there is no bound.
type place struct {
	slots chan struct{}
	taken bool
}

// take waits for a place. It reports false if ctx ends first, which it does when the store closes.
func (p *place) take(ctx context.Context) bool {
	if p.slots == nil {
		return true
	}
	select {
	case p.slots <- struct{}{}:
		p.taken = true
	case <-ctx.Done():
	}
	return p.taken
}

// leave gives the place back if it is taken.
func (p *place) leave() {
	if p.taken {
		p.taken = false
		<-p.slots
	}
}

// handOver leaves it to somebody else to give the place back.
func (p *place) handOver() (leave func()) {
	given := *p
	p.taken = false
	return given.leave
}
