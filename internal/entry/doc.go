// Package entry reads, leases and stores what stands under the keys of a cache.
//
// An entry is a value, a negative result, the lease of a loader, or the hold of a writer. A load takes the lease of an absent
// key, runs, and fills the key only if the lease is still there. An eviction removes whatever stands under the key, and so
// also the lease.
//
// Invariant: what was read before an eviction is never stored after it. A result is stored only over the very lease or version
// that its load began with, only while the versions of its tags are the same ([tagversion.Before]), and only in the data epoch of
// the outbox in which the load began.
//
// The package has three locks, all last in order but for that of package lifecycle, which leftovers.mu is held for:
// Entries.mu guards the counters by name, sizes.mu the gauges of one name, leftovers.mu the leases to give back.
package entry
