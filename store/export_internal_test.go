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

// Trust sets for how long what is known is used while the feed is down.
func Trust(d time.Duration) Option { return func(c *config) { c.trust = d } }

// KeepVersions sets for how long the versions of tags are kept at least.
func KeepVersions(d time.Duration) Option { return func(c *config) { c.keepVersions = d } }

// SuspendReplay keeps queued evictions from being repeated until the func that it returns is called.
func (s *Store) SuspendReplay() (resume func()) { return s.outbox.Suspend() }

// ReplayOnce repeats queued evictions, and returns how many were carried out.
func (s *Store) ReplayOnce(ctx context.Context) int { return s.outbox.ReplayOnce(ctx) }
