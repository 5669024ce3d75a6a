// Package lifecycle owns the goroutines of a store: loads, which get time to end, and background work, which stops at
// once.
//
// Invariant: no goroutine starts after Close has begun, and Shutdown does not return before every goroutine that
// reacts to its context has ended. A panic in one of them is recovered, counted and logged.
//
// Lock order: Lifecycle.mu is the last lock that anybody takes; no function is called while it is held.
package lifecycle
