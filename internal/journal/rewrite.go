package journal

import (
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// rewrite makes the file as short as can be. If nothing is pending its records are cut off. Otherwise another file takes its
// place, and if that can't be made, a file that is worth nothing is overwritten; any other stays as it is.
func (j *Journal) rewrite(waited time.Duration) error {
	changed, records := j.snapshot()
	head := header(j.owner)
	if len(records) == 0 && !j.void {
		if err := j.file.Truncate(int64(len(head))); err != nil {
			j.restore(changed)
			return nil //nolint:nilerr // a file that only grows can be appended to
		}
		j.size, j.disk = int64(len(head)), disk{make(map[string]mark), 1}
		return nil
	}
	if waited > 0 {
		records = append(records, waitedRecord(waited))
	}
	b := encode(head, records)
	err := j.beside(b)
	if err != nil && j.void {
		err = j.over(b)
	}
	if err != nil {
		j.restore(changed)
		if j.void {
			return err
		}
		j.disk.records = len(records) // it is not tried again soon
		return nil
	}
	j.size, j.void, j.disk = int64(len(b)), false, disk{make(map[string]mark), 1}
	j.wrote(records)
	j.synced = true
	return nil
}

// beside puts a new file in place of the one at the path. After a crash either the old one or the new one is there, whole.
func (j *Journal) beside(b []byte) (err error) {
	old, err := j.file.Stat()
	if err != nil {
		return err
	}
	if old.Size() == 0 {
		return fs.ErrInvalid // there is nothing to be replaced
	}
	name := j.real + ".new"
	_ = os.Remove(name) // a process that died has left it; if it stays the next line fails
	file, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_RDWR|os.O_APPEND, old.Mode().Perm())
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = file.Close()    // it is not used
			_ = os.Remove(name) // if it stays, it costs space until the next time
		}
	}()
	if err := j.fill(file, b); err != nil {
		return err
	}
	if err := lock(file); err != nil {
		return err
	}
	if !at(j.file, j.real) {
		return errUnsteady
	}
	if err := os.Rename(name, j.real); err != nil {
		return err
	}
	syncDir(filepath.Dir(j.real))
	_ = j.file.Close() // nobody can find it any more
	j.file = file
	return nil
}

// over overwrites the file.
func (j *Journal) over(b []byte) error {
	if err := j.file.Truncate(0); err != nil {
		return err
	}
	if err := j.fill(j.file, b); err != nil {
		return err
	}
	syncDir(filepath.Dir(j.real)) // it may have just been created
	return nil
}

func (j *Journal) fill(f *os.File, b []byte) error {
	if _, err := f.Write(b); err != nil {
		return err
	}
	return j.fsync(f)
}

// syncDir makes the name of a file survive a crash of the machine. Not all file systems and permissions allow that; those
// that don't keep the name with the file.
func syncDir(dir string) {
	d, err := os.Open(dir)
	if err != nil {
		return
	}
	_ = d.Sync()  // see above
	_ = d.Close() // it was only read
}
