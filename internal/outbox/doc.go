// Package outbox holds the evictions that must still happen: those that did not reach Redis, and those that did but that
// Redis may have lost since. It repeats them until Redis has carried them out.
//
// Entries and tags are evicted by the same script, so all that is kept of an eviction is its key and until when it holds the
// key; repeating one does no harm.
//
// Invariant: as long as a key is in the outbox, this process does not read it from Redis ([Outbox.Has]). An eviction that
// Redis confirmed stays in the history until it is durable ([Config.Remember] after all masters were well), so that it can
// be repeated when Redis comes back with older data. Such a moment begins a new epoch ([Outbox.DataEpoch]): whatever was read
// in an older one may be what was evicted, and is discarded.
//
// Evictions that may rest on each other (Eviction.Together) leave the queue together: those that were carried out wait for the
// rest, and then all are carried out once more, so that each takes effect after all others.
//
// Lock order: Outbox.mu, then journal.Journal.mu, those of the lifecycle, and of whatever Config.Changed takes. Nothing is
// logged, no call is sent and no file is written while Outbox.mu is held.
package outbox
