//go:build darwin || linux

package journal

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// limited keeps this process from making files longer than so many bytes, until the func that it returns is called: to
// a program that is what a full disk is.
func limited(t *testing.T, bytes uint64) (lift func()) {
	t.Helper()
	signal.Ignore(syscall.SIGXFSZ)
	var before syscall.Rlimit
	require.NoError(t, syscall.Getrlimit(syscall.RLIMIT_FSIZE, &before))
	limit := before
	limit.Cur = bytes
	require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit))
	lift = func() { require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_FSIZE, &before)) }
	t.Cleanup(lift)
	return lift
}

// While the file can't grow, evictions fail quickly, and what was written stays readable. Afterwards the file has all that
// is pending, and only what was missing is written.
func TestAFileThatCanNotGrow(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal")
	j, _ := open(t, path)
	lift := limited(t, 8000)
	long := strings.Repeat("x", 300)
	var want []string
	written := 0
	for n := range 100 {
		e := Entry{Key: fmt.Sprintf("%s%03d", long, n), Number: 1}
		want = append(want, e.Key)
		j.Add(e)
		j.retry = time.Time{}
		if err := j.Sync(0); err != nil {
			require.ErrorIs(t, err, syscall.EFBIG)
			continue
		}
		require.Equal(t, n, written, "once it is full it stays full")
		written++
	}
	require.Greater(t, written, 10)
	require.Equal(t, want[:written], keysOf(t, path))
	inode, err := os.Stat(path)
	require.NoError(t, err)
	lift()
	j.retry = time.Time{}
	require.NoError(t, j.Sync(0))
	require.Equal(t, want, keysOf(t, path))
	now, err := os.Stat(path)
	require.NoError(t, err)
	require.True(t, os.SameFile(inode, now), "it was appended to")
	require.NoError(t, j.Close(0))
}

// What is full when nothing is pending any more is emptied; that needs no room.
func TestAFullFileIsEmptied(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal")
	j, _ := open(t, path)
	add(t, j, "a", "b")
	info, err := os.Stat(path)
	require.NoError(t, err)
	limited(t, uint64(info.Size()))
	j.Done(Entry{Key: "a", Number: 1})
	require.Error(t, j.Sync(0))
	j.retry = time.Time{}
	j.Done(Entry{Key: "b", Number: 2})
	require.NoError(t, j.Sync(0))
	require.Empty(t, keysOf(t, path))
	require.NoError(t, j.Close(0))
}

// A file that could not be synced may lack anything, whatever a later sync says, so it is written anew.
func TestAFailedSyncIsNotBelievedLater(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal")
	j, _ := open(t, path)
	add(t, j, "a")
	j.fsync = func(f *os.File) error { // the kernel drops what it could not write, and says so once
		info, err := f.Stat()
		require.NoError(t, err)
		raw, err := os.OpenFile(path, os.O_WRONLY, 0)
		require.NoError(t, err)
		_, err = raw.WriteAt(make([]byte, info.Size()-40), 40)
		require.NoError(t, err)
		require.NoError(t, raw.Close())
		return syscall.EIO
	}
	j.Add(Entry{Key: "b", Number: 2})
	require.ErrorIs(t, j.Sync(0), syscall.EIO)
	j.fsync, j.retry = (*os.File).Sync, time.Time{}
	require.NoError(t, j.Sync(0))
	require.Equal(t, []string{"a", "b"}, keysOf(t, path))
	require.NoError(t, j.Close(0))

	// The same if there is no room for another file: it is overwritten.
	require.NoError(t, os.Mkdir(path+".new", 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(path+".new", "in the way"), nil, 0o600))
	j, waiting := open(t, path)
	require.Len(t, waiting, 2)
	synced := errors.New("sync")
	j.fsync = func(*os.File) error { return synced }
	j.Add(Entry{Key: "c", Number: 3})
	for range 3 {
		j.retry = time.Time{}
		require.ErrorIs(t, j.Sync(0), synced)
	}
	j.fsync, j.retry = (*os.File).Sync, time.Time{}
	require.NoError(t, j.Sync(0))
	require.Equal(t, []string{"a", "b", "c"}, keysOf(t, path))
	require.NoError(t, j.Close(0))
}
