package store

import (
	"fmt"
	"time"
)

// QueueLimit bounds how many failed evictions are queued, and how many confirmed ones the history has. Beyond the limit one
// eviction of everything in the namespace replaces them. The default is 100,000.
func QueueLimit(n int) Option {
	if n < 1 {
		panic(fmt.Sprintf("store: QueueLimit(%d): use 1 or more", n))
	}
	return func(c *config) { c.queue = n }
}

// QueueAge bounds how long failed evictions are queued. If Redis has been away for longer, one eviction of everything in the
// namespace replaces them. With a [Journal] the time goes on at the next start; time in which no process ran does not count.
// The default is an hour.
func QueueAge(d time.Duration) Option {
	pkg.Positive("QueueAge", d)
	return func(c *config) { c.queueAge = d }
}

// Remember is how long this process keeps confirmed evictions in its history. It repeats them if Redis comes back with older
// data: after a restart from disk, or when a replica is promoted that lacks the last writes.
//
// Choose more than such an event can lose: about a second with "appendonly yes" or a healthy replica, otherwise the time
// between two saves. Time in which a master does not answer does not count. The default is a minute. See also [Distrust].
func Remember(d time.Duration) Option {
	pkg.Positive("Remember", d)
	return func(c *config) { c.remember = d }
}

// Distrust makes this process evict everything in the namespace if Redis may have come back with older data, instead of
// repeating its history. Then no read of this process returns that data, whichever process evicted it and however long ago.
// It costs a cold cache each time a master restarts or is replaced. Every process of the fleet needs the option.
func Distrust() Option { return func(c *config) { c.distrust = true } }

// WaitForReplicas makes evictions wait until n replicas have confirmed them (the command WAIT), at most for the given time. A
// failover to one of these replicas does not undo the eviction. If fewer confirm in time, the eviction has still happened,
// and the error wraps [ErrUnreplicated]. It costs each eviction one more round trip and the time that the replicas need. Put
// and evict.Expire, which replace an entry, do not wait. The default is not to wait.
func WaitForReplicas(n int, within time.Duration) Option {
	if n < 1 {
		panic(fmt.Sprintf("store: WaitForReplicas(%d, %v): use 1 replica or more, or leave the option out", n, within))
	}
	pkg.Positive("WaitForReplicas", within)
	return func(c *config) { c.acks, c.ackWithin = n, within }
}

// Journal also keeps queued evictions in the file at path. If the process dies before Redis is back, it delivers them at its
// next start. A failed eviction is on disk when its error is returned. The default is no journal.
//
// One process at a time writes to the file, and it belongs to one namespace. A second process that is given the same path,
// as in a restart that overlaps, goes on without a journal and takes the file over when the first one is gone.
//
// Trouble with the file never stops the store. It can be missing, full, read-only, truncated, renamed, removed or replaced,
// at [Open] or later. The store compares the file with the path at every failed eviction and once a second, makes it whole
// again, and logs one line with the cause and what to do if it can't. Until then evictions are kept in memory only, and
// Stats.Recovery.JournalFault says why. What can't be noticed is a file that is removed or emptied while no process runs.
// So keep logrotate, backups that restore and cleaners of old files away from it.
//
// Evictions that an earlier process left are carried out one by one, however long ago that was. [QueueAge] counts only the
// time for which processes have waited for Redis.
//
// The folder must allow for a second file, path + ".new", to make a file shorter while evictions are queued; without it the
// file grows until none is. A file system that can't lock files (flock), and Windows, have no journal. A path that is that
// of something else, such as a folder or the journal of another namespace, makes Open return [ErrJournal].
func Journal(path string) Option {
	if path == "" {
		panic("store: Journal: name a file, or leave the option out")
	}
	return func(c *config) { c.journal = path }
}
