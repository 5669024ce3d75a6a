package journal

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
)

// ErrLocked is wrapped by the error of [Open] for a file that another process, or another journal of this one, has open.
var ErrLocked = errors.New("in use by another process")

// compactFrom is the size from which a file is worth rewriting.
const compactFrom = 1 << 20

// Journal is an open file. One goroutine at a time calls Add, Done and Rewrite, in the order of the events that they
// record. Sync may be called at any time.
type Journal struct {
	path, owner string

	syncing sync.Mutex // held while the file is synced or replaced; taken before mu

	mu     sync.Mutex       // guards the fields below
	lock   *os.File         // nil after Close
	file   *os.File         // nil after Close
	size   int64            // bytes written
	synced int64            // bytes of them that are on the disk
	live   int64            // size of a file with nothing but the pending entries
	sizes  map[string]int64 // of the records of pending entries, by key
	broken error            // why the file is not complete
}

// Open opens or creates the journal at path, and returns the pending evictions. Another process that has it open keeps it
// until it ends. damaged means that a record before the end of the file can't be read, so that further evictions may be
// pending. A file that belongs to another owner, or is not a journal, is an error.
func Open(path, owner string) (j *Journal, waiting []Entry, damaged bool, err error) {
	lock, err := takeLock(path + ".lock")
	if err != nil {
		return nil, nil, false, err
	}
	defer func() {
		if err != nil {
			_ = lock.Close()
		}
	}()
	raw, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, nil, false, err
	}
	c, err := decode(raw, owner)
	if err != nil {
		return nil, nil, false, fmt.Errorf("%s: %w", path, err)
	}
	j = &Journal{path: path, owner: owner, lock: lock}
	waiting = slices.SortedFunc(maps.Values(c.waiting), func(a, b Entry) int { return a.Since.Compare(b.Since) })
	if err := j.Rewrite(waiting); err != nil {
		return nil, nil, false, err
	}
	return j, waiting, c.damaged, nil
}

// Add records that evictions are pending. They survive a crash after the next Sync.
func (j *Journal) Add(entries ...Entry) error {
	var b []byte
	j.mu.Lock()
	defer j.mu.Unlock()
	for i := range entries {
		before := len(b)
		b = appendRecord(b, bodyWaits, &entries[i])
		j.count(entries[i].Key, int64(len(b)-before))
	}
	return j.write(b)
}

// Done records that evictions are carried out. It needs no Sync: an eviction whose Done is lost is carried out once more.
func (j *Journal) Done(entries ...Entry) error {
	var b []byte
	j.mu.Lock()
	defer j.mu.Unlock()
	for i := range entries {
		b = appendRecord(b, bodyDone, &entries[i])
		j.count(entries[i].Key, 0)
	}
	return j.write(b)
}

func (j *Journal) count(key string, size int64) {
	j.live += size - j.sizes[key]
	if size == 0 {
		delete(j.sizes, key)
		return
	}
	j.sizes[key] = size
}

// write is called with mu held.
func (j *Journal) write(b []byte) error {
	if j.file == nil {
		return os.ErrClosed
	}
	if j.broken != nil {
		return j.broken
	}
	n, err := j.file.Write(b)
	j.size += int64(n)
	if err != nil {
		j.broken = err
	}
	return err
}

// Sync returns when everything written before it is on the disk. Concurrent callers share the work.
func (j *Journal) Sync() error {
	j.mu.Lock()
	want := j.size
	j.mu.Unlock()
	j.syncing.Lock()
	defer j.syncing.Unlock()
	j.mu.Lock()
	file, size, synced, broken := j.file, j.size, j.synced, j.broken
	j.mu.Unlock()
	switch {
	case broken != nil:
		return broken
	case file == nil:
		return os.ErrClosed
	case synced >= min(want, size): // a file that was replaced since is synced, and may be shorter
		return nil
	}
	err := file.Sync()
	j.mu.Lock()
	defer j.mu.Unlock()
	if err != nil {
		j.broken = err // the kernel may have dropped what it could not write
		return err
	}
	j.synced = size
	return nil
}

// Broken reports whether a write failed, so that the file is not complete. Rewrite repairs that, if it can.
func (j *Journal) Broken() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.broken != nil
}

// Wasteful reports whether most of the file is about evictions that are no longer pending, so that Rewrite is worthwhile.
func (j *Journal) Wasteful() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.size > compactFrom && j.size > 4*j.live || len(j.sizes) == 0 && j.size > compactFrom/16
}

// Rewrite replaces the file by one with only these pending evictions, and syncs it.
func (j *Journal) Rewrite(waiting []Entry) error {
	j.syncing.Lock()
	defer j.syncing.Unlock()
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.lock == nil {
		return os.ErrClosed
	}
	b, sizes, live := header(j.owner), make(map[string]int64, len(waiting)), int64(0)
	for i := range waiting {
		before := len(b)
		b = appendRecord(b, bodyWaits, &waiting[i])
		sizes[waiting[i].Key] = int64(len(b) - before)
		live += int64(len(b) - before)
	}
	file, err := replace(j.path, b)
	if err != nil {
		j.broken = err
		return err
	}
	if j.file != nil {
		_ = j.file.Close()
	}
	j.file, j.broken, j.sizes, j.live = file, nil, sizes, live
	j.size = int64(len(b))
	j.synced = j.size
	return nil
}

// replace puts a new file in place of the one at path. After a crash either the old one or the new one is there, whole.
func replace(path string, b []byte) (file *os.File, err error) {
	file, err = os.OpenFile(path+".new", os.O_CREATE|os.O_TRUNC|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			_ = file.Close()
		}
	}()
	if _, err = file.Write(b); err != nil {
		return nil, err
	}
	if err := file.Sync(); err != nil {
		return nil, err
	}
	if err := os.Rename(path+".new", path); err != nil {
		return nil, err
	}
	return file, syncDir(filepath.Dir(path))
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer func() { _ = d.Close() }()
	return d.Sync()
}

// Close syncs and closes the file. Another process may open it afterwards.
func (j *Journal) Close() error {
	err := j.Sync()
	j.syncing.Lock()
	defer j.syncing.Unlock()
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.lock == nil {
		return nil
	}
	err = errors.Join(err, j.file.Close(), j.lock.Close())
	j.file, j.lock = nil, nil
	return err
}
