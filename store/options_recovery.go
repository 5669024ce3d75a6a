package store

import (
	"fmt"
	"time"
)

// QueueLimit is how many evictions that failed are kept one by one, and how many that Redis has confirmed are remembered.
// When there are more, they are replaced by one eviction of everything in the namespace. The default is 100,000.
func QueueLimit(n int) Option {
	if n < 1 {
		panic(fmt.Sprintf("store: QueueLimit(%d): use 1 or more", n))
	}
	return func(c *config) { c.queue = n }
}

// QueueAge is for how long evictions that failed are kept one by one. When Redis has been away for longer, they are
// replaced by one eviction of everything in the namespace. The default is an hour.
func QueueAge(d time.Duration) Option {
	pkg.Positive("QueueAge", d)
	return func(c *config) { c.queueAge = d }
}

// Remember is for how long this process remembers the evictions that Redis has confirmed, to repeat them if Redis comes
// back with older data: a restart from disk, or a replica that was promoted before it had everything. It should be longer
// than what such an event can lose, which is about a second with "appendonly yes" and for a replica in good order, and the
// time between two saves where there are only those. Time in which a master does not answer does not count. The default is
// a minute. See also [Distrust].
func Remember(d time.Duration) Option {
	pkg.Positive("Remember", d)
	return func(c *config) { c.remember = d }
}

// Distrust has this process evict everything in the namespace when Redis comes back and may have older data, instead of
// repeating the evictions that it remembers. No read of this process is answered by that data then, whichever process had
// evicted it and however long ago. It costs a cold cache each time that a master restarts or is replaced, and every
// process of the fleet has to have the option.
func Distrust() Option { return func(c *config) { c.distrust = true } }

// WaitForReplicas has evictions wait until so many replicas have confirmed them (the command WAIT), for as long as within
// at most. A failover to one of these does not undo them. If fewer confirm in time the eviction is carried out all the
// same, and the error wraps [ErrUnreplicated]. It costs each eviction a round trip more, and the time that the replicas
// need. What replaces an entry, as Put and evict.Expire do, does not wait. The default is not to wait.
func WaitForReplicas(n int, within time.Duration) Option {
	if n < 1 {
		panic(fmt.Sprintf("store: WaitForReplicas(%d, %v): use 1 replica or more, or leave the option out", n, within))
	}
	pkg.Positive("WaitForReplicas", within)
	return func(c *config) { c.acks, c.ackWithin = n, within }
}

// Journal keeps the evictions that are queued in the file at path too, so that a process that dies before Redis is back
// carries them out at its next start. An eviction that fails is on the disk when its error is returned. The file is made if
// it is not there; only one process can have it open, and it belongs to one namespace. There is a second file, path +
// ".lock". Evictions go on when the file can't be written, which is logged and counted. It is not offered on Windows. The
// default is none.
func Journal(path string) Option {
	if path == "" {
		panic("store: Journal: name a file, or leave the option out")
	}
	return func(c *config) { c.journal = path }
}
