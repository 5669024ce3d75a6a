package outbox

import (
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/jollyjet/aside/internal/journal"
)

// ErrJournal wraps why the journal's file can't be used.
var ErrJournal = errors.New("store: the journal can't be used")

// file keeps the queue on the disk too, if there is a journal. open comes before all other methods, and close after
// them. The rest, but for sync, need the outbox's mu, so that the file says the same as the queue.
type file struct {
	cfg        *Config
	journal    *journal.Journal // nil: there is none
	errors     atomic.Int64     // times that it could not be written
	complained atomic.Bool      // that it can't be written
}

// open takes over the evictions that an earlier process could not deliver.
func (f *file) open() (left []journal.Entry, damaged bool, err error) {
	if f.cfg.Journal == "" {
		return nil, false, nil
	}
	j, left, damaged, err := journal.Open(f.cfg.Journal, f.cfg.Namespace)
	if err != nil {
		return nil, false, fmt.Errorf("%w: %w", ErrJournal, err)
	}
	f.journal = j
	return left, damaged, nil
}

// record writes that the keys wait. What was put under another key because the queue is coarse is found under that.
func (f *file) record(q *queue, addrs []string) {
	if f.journal == nil {
		return
	}
	if f.journal.Broken() {
		f.rewrite(q)
		return
	}
	if q.outage.coarse {
		addrs = []string{q.cfg.Everything}
	}
	entries := make([]journal.Entry, 0, len(addrs))
	for _, addr := range addrs {
		if w, ok := q.keys[addr]; ok {
			entries = append(entries, entryOf(q, addr, w))
		}
	}
	f.note(f.journal.Add(entries...))
}

func entryOf(q *queue, addr string, w waiting) journal.Entry {
	return journal.Entry{Key: addr, Number: w.number, Since: q.outage.began, Until: w.Until}
}

// rewrite has the file say what waits now, and no more.
func (f *file) rewrite(q *queue) {
	if f.journal == nil {
		return
	}
	entries := make([]journal.Entry, 0, len(q.keys))
	for addr, w := range q.keys {
		entries = append(entries, entryOf(q, addr, w))
	}
	f.note(f.journal.Rewrite(entries))
}

// erase writes that evictions are carried out.
func (f *file) erase(q *queue, gone []repetition) {
	if f.journal == nil || len(gone) == 0 {
		return
	}
	entries := make([]journal.Entry, len(gone))
	for i, r := range gone {
		entries[i] = entryOf(q, r.addr, r.waiting)
	}
	f.note(f.journal.Done(entries...))
	if f.journal.Wasteful() {
		f.rewrite(q)
	}
}

// sync returns when what was recorded is on the disk. It is called without a lock, so it is here that trouble is logged.
func (f *file) sync() {
	if f.journal == nil {
		return
	}
	err := f.journal.Sync()
	f.note(err)
	if err == nil {
		f.complained.Store(false)
	} else if !f.complained.Swap(true) {
		f.cfg.Log.Error("aside: the journal of evictions can't be written; evictions that wait now are lost if this process dies", "cause", err)
	}
}

// note counts what could not be written.
func (f *file) note(err error) {
	if err != nil {
		f.errors.Add(1)
	}
}

func (f *file) close() {
	if f.journal != nil {
		f.note(f.journal.Close())
	}
}
