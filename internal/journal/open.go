package journal

import (
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
)

// ErrLocked is wrapped by the error of [Journal.Sync] while another process, or another journal of this one, has the file.
var ErrLocked = errors.New("in use by another process")

var (
	errPlatform = fmt.Errorf("locking files: %w", errors.ErrUnsupported)
	errNotFile  = errors.New("not a regular file")
	errUnsteady = errors.New("somebody else replaces or changes the file all the time")
)

// Mistaken reports whether an error of [Journal.Sync] says that the path is that of something else, which is left alone.
func Mistaken(err error) bool {
	return slices.ContainsFunc([]error{errForeign, errOwner, errNotFile, errPlatform}, func(mistake error) bool {
		return errors.Is(err, mistake)
	})
}

// tries is how often an operation is tried anew because somebody else has replaced the file meanwhile.
const tries = 5

// open opens and locks the file, and reads what is in it.
func (j *Journal) open() error {
	if !lockable {
		return errPlatform
	}
	for range tries {
		f, existed, readOnly, err := openFile(j.path)
		if err != nil {
			return err
		}
		if err := lock(f); err != nil {
			if mistake := j.foreign(f); mistake != nil {
				err = fmt.Errorf("%s: %w", j.path, mistake)
			}
			_ = f.Close() // nothing was written
			return err
		}
		if !at(f, j.path) { // it was replaced before it was locked
			_ = f.Close() // nothing was written
			continue
		}
		err = j.read(f, existed, readOnly)
		if err == nil {
			err = readOnly
		}
		if err != nil {
			_, j.file = f.Close(), nil // nothing was written
		}
		return err
	}
	return fmt.Errorf("%s: %w", j.path, errUnsteady)
}

// openFile opens the file for writing, or if that fails, for reading; readOnly is why.
func openFile(path string) (f *os.File, existed bool, readOnly, err error) {
	info, err := os.Stat(path)
	existed = err == nil
	if existed && !info.Mode().IsRegular() { // to open a pipe may take for ever
		return nil, true, nil, fmt.Errorf("%s: %w", path, errNotFile)
	}
	f, err = os.OpenFile(path, os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o600)
	if err == nil {
		return f, existed, nil, nil
	}
	readable, errRead := os.Open(path)
	if errRead != nil {
		return nil, existed, nil, err
	}
	return readable, existed, err, nil
}

// at reports whether the path leads to the open file.
func at(f *os.File, path string) bool {
	open, err := f.Stat()
	if err != nil {
		return false
	}
	there, err := os.Stat(path)
	return err == nil && os.SameFile(open, there)
}

// foreign is why a file that another process has locked would not be used if it had not.
func (j *Journal) foreign(f *os.File) error {
	head, err := io.ReadAll(io.NewSectionReader(f, 0, int64(len(magic)+recordHead+maxBody)))
	if err == nil {
		_, err = decode(head, j.owner)
	}
	return err
}

// read takes in what a locked file says. readOnly is why it can't be written; it is read once then.
func (j *Journal) read(f *os.File, existed bool, readOnly error) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	known := j.seen != nil && unchanged(j.seen, info)
	if known && readOnly != nil {
		return nil
	}
	raw, err := readAll(f)
	if err != nil {
		return err
	}
	c, err := decode(raw, j.owner)
	if err != nil {
		return fmt.Errorf("%s: %w", j.path, err)
	}
	c.emptied = existed && len(raw) == 0
	if j.seen = info; readOnly == nil {
		j.seen = nil
		if j.real, err = filepath.EvalSymlinks(j.path); err != nil {
			return err
		}
		j.hold(f, &c) // a torn tail makes the file longer than it should be, so it is written anew
	}
	j.offer(&c, known)
	return nil
}

func unchanged(a, b os.FileInfo) bool {
	return os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime())
}

// readAll reads a file, but only the start of one that does not begin like a journal.
func readAll(f *os.File) ([]byte, error) {
	head, err := io.ReadAll(io.NewSectionReader(f, 0, searched+maxBody))
	if err != nil {
		return nil, err
	}
	if _, err := decode(head, ""); errors.Is(err, errForeign) {
		return head, nil
	}
	return io.ReadAll(io.NewSectionReader(f, 0, math.MaxInt64))
}

// hold makes f the file of the journal.
func (j *Journal) hold(f *os.File, c *content) {
	j.file, j.size, j.synced, j.void = f, c.end, false, c.damaged || c.end == 0
	j.disk = disk{make(map[string]mark), c.records}
	for key, e := range c.waiting {
		j.disk.waiting[key] = markOf(&e)
	}
}

// cut cuts off what follows the last whole record, so that more can be appended.
func (j *Journal) cut() error {
	err := j.file.Truncate(j.size)
	j.void = err != nil
	return err
}

// release closes the file, and so unlocks it.
func (j *Journal) release() error {
	if j.file == nil {
		return nil
	}
	err := j.file.Close()
	j.file = nil
	return err
}
