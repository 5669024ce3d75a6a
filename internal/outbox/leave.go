package outbox

import "github.com/jollyjet/aside/internal/keyspace"

// Leave is for when the store is closed. It adds evictions to the journal, for the next process, and reports whether they are
// on the disk. It fails where there is no journal, or where another process has it by now.
func (o *Outbox) Leave(e Eviction, keys ...keyspace.Key) bool {
	o.Add(e, nil, keys...)
	return o.Journaled()
}
