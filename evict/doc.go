// Package evict decorates functions that write to the source of a cache, so that what they change is evicted.
//
//	rename := evict.After(repo.Rename,
//		evict.Key(products, func(in RenameInput) string { return in.ID }),
//		evict.Tags(st, func(in RenameInput) []string { return []string{"catalogue"} }))
//
// [After] evicts when the write has returned, whatever it returned: a write that failed may have been carried out all
// the same, and an eviction too many costs no more than a load. [Around] also keeps the entries from being cached while
// the write is under way, so that a process that dies between its write and its eviction leaves no old value behind.
//
// The decorated function returns the write's result and error exactly as they were. Evictions that can't reach Redis
// are queued and repeated in the background, and those that Redis has confirmed are repeated when it comes back with older
// data; store.Stats tells how many there are, and the documentation of package store what that promises.
//
// [FromChanges] evicts what others write: it follows a stream of changes, such as the change streams of MongoDB.
package evict
