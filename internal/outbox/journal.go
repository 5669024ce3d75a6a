package outbox

import (
	"errors"
	"io/fs"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jollyjet/aside/internal/journal"
	"github.com/jollyjet/aside/internal/pause"
)

// ErrJournal wraps why the journal's path is that of something else.
var ErrJournal = errors.New("store: the journal can't be used")

// file keeps the queue on the disk too, if there is a journal. record, rewrite and erase need the outbox's mu, so that the
// journal says the same as the queue; they change only what is in memory, and [Outbox.tend] writes it. So a disk that
// hangs delays evictions that fail, which have to be on it, but no connection, no read and no repetition.
type file struct {
	cfg     *Config
	journal *journal.Journal // nil: there is none
	errors  atomic.Int64     // times that it could not be written
	wake    chan struct{}    // receives when there is something to be written

	mu    sync.Mutex
	fault string               // why it can't be written; under mu
	told  map[string]time.Time // when each fault was last logged; under mu
	open  bool                 // the end of one is still to be logged; under mu
}

// quietFor is how long a fault that comes and goes is not logged again.
const quietFor = time.Minute

// record notes that the keys wait. What was put under another key because the queue is coarse is found under that.
func (f *file) record(q *queue, addrs []string) {
	if f.journal == nil {
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
	f.journal.Add(entries...)
}

func entryOf(q *queue, addr string, w waiting) journal.Entry {
	return journal.Entry{Key: addr, Number: w.number, Since: q.outage.began, Until: w.Until}
}

func entriesOf(q *queue) []journal.Entry {
	entries := make([]journal.Entry, 0, len(q.keys))
	for addr, w := range q.keys {
		entries = append(entries, entryOf(q, addr, w))
	}
	return entries
}

// rewrite notes what waits now, and no more.
func (f *file) rewrite(q *queue) {
	if f.journal != nil {
		f.journal.Replace(entriesOf(q))
		pause.Wake(f.wake)
	}
}

// erase notes that evictions are carried out.
func (f *file) erase(q *queue, gone []repetition) {
	if f.journal == nil || len(gone) == 0 {
		return
	}
	entries := make([]journal.Entry, len(gone))
	for i, r := range gone {
		entries[i] = entryOf(q, r.addr, r.waiting)
	}
	f.journal.Done(entries...)
	pause.Wake(f.wake)
}

// trouble is why what waits is not on the disk; empty if it is, or if there is no journal.
func (f *file) trouble() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.fault
}

// report takes note of how a write of the file ended. It logs each cause once, and that it is over.
func (f *file) report(err error) {
	if err != nil {
		f.errors.Add(1)
	}
	switch began, ended := f.note(err); {
	case began:
		f.cfg.Log.Error("aside: the journal of evictions can't be written; evictions that wait now are lost if this process dies",
			"path", f.cfg.Journal, "cause", err, "do", advice(err))
	case ended:
		f.cfg.Log.Info("aside: the journal of evictions is written again", "path", f.cfg.Journal)
	}
}

// note reports whether a fault that is to be logged begins now, and whether one that was logged ends.
func (f *file) note(err error) (began, ended bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err == nil {
		ended = f.open
		f.fault, f.open = "", false
		return false, ended
	}
	before := f.fault
	f.fault = err.Error()
	if f.fault == before || time.Since(f.told[f.fault]) < quietFor {
		return false, false
	}
	if f.told == nil {
		f.told = make(map[string]time.Time)
	}
	f.told[f.fault], f.open = time.Now(), true
	return true, false
}

// advice says what to do about a fault.
func advice(err error) string {
	const again = "; it is tried again each second"
	switch {
	case errors.Is(err, journal.ErrLocked):
		return "give each process a path of its own, or end the other one" + again
	case journal.Mistaken(err):
		return "move what is there away, or name another path in store.Journal" + again
	case errors.Is(err, fs.ErrNotExist):
		return "create the folder" + again
	case errors.Is(err, fs.ErrPermission):
		return "let this process write the file, or create files in its folder" + again
	default:
		return "make room on the disk, or repair it" + again
	}
}
