package journal

import (
	"cmp"
	"maps"
	"os"
	"slices"
	"sync"
	"time"
)

// Journal is safe for concurrent use. Add, Done, Replace and Accept only change what is in memory; they are called in the
// order of the events that they record, one at a time.
type Journal struct {
	path, owner string
	fsync       func(*os.File) error

	io     sync.Mutex  // held while the file is read or written; taken before mu
	file   *os.File    // under io, like all fields up to mu; open and locked, or nil
	real   string      // the path of the file, without symbolic links
	size   int64       // of the file, as this process has left it
	void   bool        // what is in the file is worth nothing: it has to be written anew
	synced bool        // the file is on the disk
	disk   disk        // what is in the file
	beat   time.Time   // when it was last told how long evictions have been waiting
	seen   os.FileInfo // of a file that was read but could not be written
	fault  error       // of the last try
	retry  time.Time   // no sooner than this a fault is tried again
	closed bool

	mu      sync.Mutex          // guards the fields below
	pending map[string]Entry    // what the file is to say
	dirty   map[string]struct{} // keys about which it may say something else
	left    *Left               // found in the file and not accepted yet; nothing is written until it is
}

// disk is what a file says.
type disk struct {
	waiting map[string]mark
	records int // in the file
}

// mark tells what a file says of a pending eviction from what it is to say.
type mark struct {
	number uint64
	until  int64
}

func markOf(e *Entry) mark { return mark{e.Number, micros(e.Until)} }

// Left is what an earlier process has left in the file.
type Left struct {
	Entries []Entry       // pending evictions, oldest first
	Waited  time.Duration // how long they had been waiting while a process waited with them
	Damaged bool          // a part of the file can't be read, so further evictions may be pending
	Emptied bool          // the file was there, but with nothing in it: if somebody truncated it, evictions are lost
}

// New returns the journal at path. The first Sync opens the file or creates it.
func New(path, owner string) *Journal {
	return &Journal{path: path, owner: owner, fsync: (*os.File).Sync, pending: make(map[string]Entry), dirty: make(map[string]struct{})}
}

// Add records that evictions are pending. They survive a crash after the next Sync.
func (j *Journal) Add(entries ...Entry) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, e := range entries {
		j.put(e)
	}
}

// Done records that evictions are carried out. It needs no Sync: an eviction whose Done is lost is carried out once more.
func (j *Journal) Done(entries ...Entry) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, e := range entries {
		if j.pending[e.Key].Number == e.Number {
			j.drop(e.Key)
		}
	}
}

// Replace records that these evictions are pending, and no others but those of Left.
func (j *Journal) Replace(entries []Entry) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.replace(entries)
}

// Left returns what was found in the file and is not accepted yet. It reports false if there is nothing.
func (j *Journal) Left() (Left, bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.left == nil {
		return Left{}, false
	}
	return *j.left, true
}

// Accept is Replace by a caller who has taken over what Left has returned. The entries are all that is pending now.
func (j *Journal) Accept(entries []Entry) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.left = nil
	j.replace(entries)
}

// put, drop and replace are called with mu held.
func (j *Journal) put(e Entry) {
	j.pending[e.Key] = e
	j.dirty[e.Key] = struct{}{}
}

func (j *Journal) drop(key string) {
	delete(j.pending, key)
	j.dirty[key] = struct{}{}
}

func (j *Journal) replace(entries []Entry) {
	for key := range j.pending {
		j.dirty[key] = struct{}{}
	}
	clear(j.pending)
	for _, e := range entries {
		j.put(e)
	}
}

// offer compares what a file says with what is pending. What is only in the file is left by somebody, unless it is known:
// this process has had it already. It is called with io held.
func (j *Journal) offer(c *content, known bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for key := range j.pending {
		j.dirty[key] = struct{}{}
	}
	left := Left{Waited: c.waited, Damaged: c.damaged && !known}
	for key, e := range c.waiting {
		if _, ok := j.pending[key]; !ok {
			j.dirty[key] = struct{}{}
			left.Entries = append(left.Entries, e)
		}
	}
	if known {
		left.Entries = nil
	}
	left.Emptied = c.emptied
	if len(left.Entries) == 0 && !left.Damaged && !left.Emptied {
		return
	}
	slices.SortFunc(left.Entries, func(a, b Entry) int { return cmp.Or(a.Since.Compare(b.Since), cmp.Compare(a.Key, b.Key)) })
	j.left = &left
}

// changes takes the records that the file lacks. They are back with restore, should they not get there.
func (j *Journal) changes() (changed map[string]struct{}, records []record) {
	j.mu.Lock()
	defer j.mu.Unlock()
	changed, j.dirty = j.dirty, make(map[string]struct{})
	for key := range changed {
		written, there := j.disk.waiting[key]
		e, ok := j.pending[key]
		switch {
		case ok && (!there || written != markOf(&e)):
			records = append(records, record{bodyWaits, e})
		case !ok && there:
			records = append(records, record{bodyDone, Entry{Key: key, Number: written.number}})
		}
	}
	return changed, records
}

func (j *Journal) restore(changed map[string]struct{}) {
	j.mu.Lock()
	defer j.mu.Unlock()
	maps.Copy(j.dirty, changed)
}

// wants is how many evictions are pending.
func (j *Journal) wants() int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return len(j.pending)
}

// snapshot returns all that is pending, and the keys that were dirty.
func (j *Journal) snapshot() (changed map[string]struct{}, records []record) {
	j.mu.Lock()
	defer j.mu.Unlock()
	changed, j.dirty = j.dirty, make(map[string]struct{})
	records = make([]record, 0, len(j.pending))
	for _, e := range j.pending {
		records = append(records, record{bodyWaits, e})
	}
	return changed, records
}
