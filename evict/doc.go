// Package evict decorates functions that write to the source of a cache, so that the entries they change are evicted.
//
//	rename := evict.After(repo.Rename,
//		evict.Key(products, func(in RenameInput) string { return in.ID }),
//		evict.Tags(st, func(in RenameInput) []string { return []string{"catalogue"} }))
//
// [After] evicts when the write has returned, also if it returned an error: a write that failed may have taken effect,
// and an unnecessary eviction costs only a load. [Around] also keeps the entries from being cached during the write, so
// that a process that dies between its write and its eviction leaves no old value behind.
//
// The decorated function returns the write's result and error unchanged. Evictions that can't reach Redis are queued
// and retried in the background. Evictions that Redis has confirmed are repeated if it comes back with older data.
// store.Stats counts both; the documentation of package store states the guarantees.
//
// [FromChanges] evicts what others write. It follows a stream of changes, such as the change streams of MongoDB.
package evict

// Structure, for maintainers:
//
// A targetSet is what a decorated write evicts, expires and replaces. After and Around apply it; a heldWrite is the hold
// of one write in Around. FromChanges runs a consumer: its changesReader calls the user's source, its changesEvictor
// evicts and moves the checkpoint. The position of a change is saved only after Redis has confirmed the evictions of all
// changes up to it.
//
// There are no locks: a targetSet does not change once it is made, and the goroutines of a consumer share atomic counters
// and channels.
