package store

import "context"

// Background runs f in a goroutine that [Store.Close] waits for; its context ends as soon as the store closes. A panic in
// f is recovered, counted and logged. It reports false, and does not run f, once the store is closed.
func (s *Store) Background(what string, f func(ctx context.Context)) bool {
	return s.start(&s.life.watch, what, func() { f(s.life.background) })
}

// Closed reports whether [Store.Close] has been called.
func (s *Store) Closed() bool { return s.life.closed.Load() }
