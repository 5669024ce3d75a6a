package journal

import (
	"fmt"
	"time"
)

const (
	// wastefulFrom is how many records about evictions that are no longer pending make a file worth writing anew.
	wastefulFrom = 10_000
	// restsFor is how many times as long as a failed try took no other is made, so that a broken disk does not slow
	// evictions down, and restsMost how long at most.
	restsFor  = 10
	restsMost = 5 * time.Second
	// beatEvery is how often a file says that a process still waits.
	beatEvery = 500 * time.Millisecond
)

// Sync returns when the file says what was recorded before it, and is on the disk. waited is for how long evictions have
// been waiting; it is kept with them. Concurrent callers share the work.
//
// Sync does nothing while there is a [Left] that was not accepted. After an error it may be called again at any time; soon
// after one that took long it returns the same error at once.
func (j *Journal) Sync(waited time.Duration) error {
	j.io.Lock()
	defer j.io.Unlock()
	if j.fault != nil && time.Now().Before(j.retry) {
		return j.fault
	}
	return j.try(waited)
}

// Close is a last Sync. Another process may use the file afterwards. A Sync after it opens the file for its own time only.
func (j *Journal) Close(waited time.Duration) error {
	j.io.Lock()
	defer j.io.Unlock()
	j.closed = true
	return j.try(waited)
}

// try and what it calls need io.
func (j *Journal) try(waited time.Duration) error {
	began := time.Now()
	err := j.sync(waited)
	if j.closed {
		if e := j.release(); err == nil {
			err = e
		}
	}
	now := time.Now()
	j.fault, j.retry = err, now.Add(min(restsFor*now.Sub(began), restsMost))
	return err
}

func (j *Journal) sync(waited time.Duration) error {
	for range tries {
		if j.idle() {
			return nil
		}
		if j.file == nil {
			if err := j.open(); err != nil {
				return err
			}
			continue // to let the caller accept what is in it
		}
		if !j.void && !j.intact() { // else a file that was truncated would be made longer again
			continue
		}
		if err := j.write(waited); err != nil {
			return err
		}
		if j.intact() {
			return nil
		}
	}
	return fmt.Errorf("%s: %w", j.path, errUnsteady)
}

// idle reports whether there is nothing to do now: what is left in the file is to be accepted first, or the journal was
// closed and nothing happened since.
func (j *Journal) idle() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.left != nil || j.closed && j.file == nil && j.fault == nil && len(j.dirty) == 0
}

// intact reports whether the file is still the one at the path, and as long as this process has left it. It prepares for
// another try if not.
func (j *Journal) intact() bool {
	info, err := j.file.Stat()
	if err != nil || !at(j.file, j.path) {
		_ = j.release() // whatever is in it, nobody will look for it there
		return false
	}
	if info.Size() != j.size {
		j.void = true
		return false
	}
	return true
}

// write makes the file say what is pending.
func (j *Journal) write(waited time.Duration) error {
	pending := j.wants()
	if j.void || pending == 0 && len(j.disk.waiting) > 0 || j.disk.records > wastefulFrom+4*pending {
		if err := j.rewrite(waited); err != nil {
			return err
		}
	}
	if err := j.append(waited); err != nil {
		return err
	}
	if j.synced {
		return nil
	}
	if err := j.fsync(j.file); err != nil {
		j.void = true // the kernel may have dropped what it could not write, and does not say so twice
		return err
	}
	j.synced = true
	return nil
}

// append writes what the file lacks to its end.
func (j *Journal) append(waited time.Duration) error {
	changed, records := j.changes()
	now := time.Now()
	if waited > 0 && (len(records) > 0 || j.closed || now.Sub(j.beat) > beatEvery) {
		records = append(records, waitedRecord(waited))
		j.beat = now
	}
	if len(records) == 0 {
		return nil
	}
	n, err := j.file.Write(encode(nil, records))
	if err != nil {
		j.restore(changed)
		if n > 0 {
			_ = j.cut() // if that fails the file is written anew
		}
		return err
	}
	j.size += int64(n)
	j.wrote(records)
	return nil
}

// wrote takes note of what the file says now.
func (j *Journal) wrote(records []record) {
	j.disk.records += len(records)
	for i := range records {
		switch r := &records[i]; {
		case r.what == bodyWaits:
			j.disk.waiting[r.Key] = markOf(&r.Entry)
			j.synced = false
		case r.Key != "":
			delete(j.disk.waiting, r.Key)
		}
	}
}
