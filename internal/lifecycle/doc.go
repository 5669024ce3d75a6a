// Package lifecycle owns the goroutines of a store: loads, which get time to end, and background work, which stops at
// once.
//
// Invariant: no goroutine starts after Close has begun. Drain does not return before all background work has ended, and
// all loads that react to the end of their contexts. A panic in one of them is recovered, counted and logged.
//
// Decorated writes run in their callers' goroutines; they are only counted, and may begin at any time. Drain waits for those that
// are under way, and then says that it is over.
//
// Lock order: Lifecycle.mu, and those of its two groups, are the last locks that anybody takes, one at a time; no given
// function is called while one is held.
package lifecycle
