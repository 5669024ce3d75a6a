// Package eviction evicts: entries, tags, caches, the namespace, entries that match a pattern; at once, or around a write
// with a hold.
//
// Invariant: when an eviction returns nil, no read that begins from then on, on any node, sees a value from before. What
// Redis did not carry out is in the outbox before the error is returned, so that this process does not read it.
//
// What belongs to several caches or tags is evicted so that each eviction takes effect after all others; if a part fails, all
// of it is queued. When the store is closed for good (lifecycle.Over), evictions of decorated writes go over a connection of
// their own.
//
// The package has no lock of its own but walk.mu, which guards the progress of one walk and is held while the user is told
// of it.
package eviction
