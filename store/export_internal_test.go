package store

import (
	"context"
	"time"
)

// What the external tests need to see or to set, and users need not.

// FeedRetry sets how soon a broken feed is tried again.
func FeedRetry(d time.Duration) Option { return func(c *config) { c.feedRetry = d } }

// LookAround sets how often the masters are looked up and asked who they are.
func LookAround(d time.Duration) Option { return func(c *config) { c.lookAround = d } }

// Trust sets for how long a generation is believed where there is no feed.
func Trust(d time.Duration) Option { return func(c *config) { c.trust = d } }

// Left is how long the lease that was found has left.
func (v *View) Left() time.Duration { return v.left }

// Event receives when the feed says that the entry has changed.
func (w *Watch) Event() <-chan struct{} { return w.event }

// Epoch is that of the feed.
func (s *Store) Epoch() uint64 {
	epoch, _ := s.feed.status()
	return epoch
}

// Renew is one step of Keep.
func (c *Claim) Renew(ctx context.Context) (bool, error) {
	renew := c.ofLease("renew", c.space.st.cfg.lease.Milliseconds())
	err := c.space.st.run(ctx, renew)
	return err == nil && renew.Did(), err
}

// Renew is one step of Keep.
func (h *Hold) Renew(ctx context.Context) error { return h.place(ctx, "renew") }

// SuspendReplay keeps queued evictions from being repeated until the func that it returns is called.
func (s *Store) SuspendReplay() (resume func()) {
	q := &s.evictions
	q.mu.Lock()
	for q.replaying { // the last eviction is carried out before the replay ends
		q.mu.Unlock()
		time.Sleep(time.Millisecond)
		q.mu.Lock()
	}
	q.replaying = true
	q.mu.Unlock()
	return func() {
		q.mu.Lock()
		q.replaying = false
		q.mu.Unlock()
		q.add(eviction{}, nil)
	}
}

// ReplayOnce repeats queued evictions, and returns how many were carried out.
func (s *Store) ReplayOnce(ctx context.Context) int { return s.evictions.round(ctx, s.deliver) }
