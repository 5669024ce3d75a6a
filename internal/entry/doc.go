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
// While two versions of a program run, entries of one key may have different schemas. The version that comes first has its
// entry under the key itself. The other has its own in a variant: under a key of its schema, in the same slot. A variant begins
// with the identity of the record under the key, its anchor, and is current only while that record stands. Whatever is done to
// the record under the key, by any version of the program, so ends all variants: an eviction, a hold and a Put need to know
// nothing of them.
//
// The package has four locks, all last in order but for that of package lifecycle, which leftovers.mu is held for: Entries.mu
// guards the counters by name, registry.mu the caches that were made, sizes.mu the gauges of one name, leftovers.mu the leases
// to give back.
package entry
