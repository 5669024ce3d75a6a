package store

import (
	"fmt"

	"github.com/jollyjet/aside/internal/journal"
)

// openJournal takes over the evictions that an earlier process could not deliver, if the store has a journal.
func (q *queue) openJournal() error {
	path := q.st.cfg.journal
	if path == "" {
		return nil
	}
	j, left, damaged, err := journal.Open(path, q.st.cfg.namespace)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrJournal, err)
	}
	q.mu.Lock()
	q.journal = j
	q.failures++
	for _, e := range left {
		q.put(e.Key, eviction{until: e.Until})
	}
	if len(left) > 0 {
		q.outage.began = left[0].Since
	}
	if damaged {
		q.put(q.st.everything.key.addr, eviction{})
	}
	q.n.Store(int64(len(q.keys)))
	q.mu.Unlock()
	q.st.stats.queued.Add(int64(len(left)))
	if damaged {
		q.st.cfg.log.Error("aside: the journal of evictions is damaged, everything will be evicted", "path", path)
	}
	if len(left) > 0 {
		q.st.cfg.log.Warn("aside: evictions of an earlier process are still to be carried out", "path", path, "keys", len(left))
	}
	return nil
}

// resume begins to carry out what openJournal found.
func (q *queue) resume() {
	q.mu.Lock()
	coarse := q.begin()
	if q.journal != nil {
		q.rewrite()
	}
	q.mu.Unlock()
	q.complain(coarse)
}

// record writes to the journal that the keys wait, with mu held so that it says the same as the queue. What was put under
// another key because the queue is coarse is found under that.
func (q *queue) record(addrs []string) {
	if q.journal == nil {
		return
	}
	if q.journal.Broken() {
		q.rewrite()
		return
	}
	if q.outage.coarse {
		addrs = []string{q.st.everything.key.addr}
	}
	entries := make([]journal.Entry, 0, len(addrs))
	for _, addr := range addrs {
		if w, ok := q.keys[addr]; ok {
			entries = append(entries, q.entry(addr, w))
		}
	}
	q.journaled(q.journal.Add(entries...))
}

func (q *queue) entry(addr string, w waiting) journal.Entry {
	return journal.Entry{Key: addr, Number: w.failure, Since: q.outage.began, Until: w.until}
}

// rewrite has the journal say what waits now, and no more.
func (q *queue) rewrite() {
	if q.journal == nil {
		return
	}
	entries := make([]journal.Entry, 0, len(q.keys))
	for addr, w := range q.keys {
		entries = append(entries, q.entry(addr, w))
	}
	q.journaled(q.journal.Rewrite(entries))
}

// erase writes to the journal that evictions are carried out, with mu held.
func (q *queue) erase(gone []repetition) {
	if q.journal == nil || len(gone) == 0 {
		return
	}
	entries := make([]journal.Entry, len(gone))
	for i, r := range gone {
		entries[i] = q.entry(r.addr, r.waiting)
	}
	q.journaled(q.journal.Done(entries...))
	if q.journal.Wasteful() {
		q.rewrite()
	}
}

// sync returns when what was recorded is on the disk. It is called without mu, and so it is here that trouble is logged.
func (q *queue) sync() {
	if q.journal == nil {
		return
	}
	err := q.journal.Sync()
	q.journaled(err)
	if err == nil {
		q.complained.Store(false)
	} else if !q.complained.Swap(true) {
		q.st.cfg.log.Error("aside: the journal of evictions can't be written; those that wait now are lost if this process dies", "cause", err)
	}
}

// journaled counts what could not be written.
func (q *queue) journaled(err error) {
	if err != nil {
		q.st.stats.journalErrors.Add(1)
	}
}

// closeJournal comes last, when nothing changes the queue any more.
func (q *queue) closeJournal() {
	if q.journal != nil {
		q.journaled(q.journal.Close())
	}
}
