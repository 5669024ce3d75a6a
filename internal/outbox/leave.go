package outbox

import (
	"time"

	"github.com/jollyjet/aside/internal/journal"
	"github.com/jollyjet/aside/internal/keyspace"
)

// Leave is for when the store is closed. It adds evictions to the journal, for the next process, and reports whether they are on the disk. It
// fails where there is no journal, or where another process has it by now.
func (o *Outbox) Leave(e Eviction, keys ...keyspace.Key) bool {
	if o.cfg.Journal == "" {
		return false
	}
	if o.leaveOpen(e, keys) {
		return true
	}
	j, _, _, err := journal.Open(o.cfg.Journal, o.cfg.Namespace) // it keeps what is left
	if err != nil {
		o.file.note(err)
		return false
	}
	o.mu.Lock()
	o.queue.number++
	entries := make([]journal.Entry, len(keys))
	for i, key := range keys {
		entries[i] = journal.Entry{Key: key.Addr(), Number: o.queue.number, Since: time.Now(), Until: e.Until}
	}
	o.mu.Unlock()
	ok := true
	for _, step := range []func() error{func() error { return j.Add(entries...) }, j.Sync, j.Close} {
		err := step()
		o.file.note(err)
		ok = ok && err == nil
	}
	return ok
}

// leaveOpen is Leave before Close, while the journal is open.
func (o *Outbox) leaveOpen(e Eviction, keys []keyspace.Key) bool {
	o.mu.Lock()
	closed := o.closed
	o.mu.Unlock()
	if closed {
		return false
	}
	before := o.file.errors.Load()
	o.Add(e, nil, keys...)
	return o.file.errors.Load() == before
}
