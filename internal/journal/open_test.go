package journal

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Two journals never write to one file, whatever name it has now. The second takes over when the first ends.
func TestOneProcessAtATime(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal")
	j, _ := open(t, path)
	add(t, j, "a")
	link := path + ".link"
	require.NoError(t, os.Link(path, link))
	require.NoError(t, os.Symlink(path, path+".sym"))
	for _, name := range []string{path, link, path + ".sym"} {
		err := New(name, "shop").Sync(0)
		require.ErrorIs(t, err, ErrLocked, name)
		require.False(t, Mistaken(err), "it may end")
	}
	require.True(t, Mistaken(New(path, "other").Sync(0)), "it belongs to another namespace, whoever has it open")
	second := New(path, "shop")
	require.ErrorIs(t, second.Sync(0), ErrLocked)
	require.NoError(t, j.Close(0))
	second.retry = time.Time{}
	require.NoError(t, second.Sync(0))
	left, ok := second.Left()
	require.True(t, ok)
	require.Equal(t, "a", left.Entries[0].Key)
	second.Accept(left.Entries)
	require.NoError(t, second.Close(0))
}

// A second process gets the file that is put in the place of the first one's. The first one notices, and waits for it; it
// does not overwrite what the second has written, and takes that over.
func TestAFileThatIsReplacedIsTheOtherProcess(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal")
	first, _ := open(t, path)
	add(t, first, "a")
	require.NoError(t, os.Rename(path, path+".1"))
	second, waiting := open(t, path)
	require.Empty(t, waiting)
	add(t, second, "b")
	first.Add(Entry{Key: "c", Number: 2})
	require.ErrorIs(t, first.Sync(0), ErrLocked)
	add(t, second, "d")
	require.Equal(t, []string{"b", "d"}, keysOf(t, path))
	dies(t, second)
	first.retry = time.Time{}
	require.NoError(t, first.Sync(0))
	left, ok := first.Left()
	require.True(t, ok)
	require.Len(t, left.Entries, 2)
	first.Replace([]Entry{{Key: "a", Number: 1}}) // before it knows what is left
	require.NoError(t, first.Sync(0))
	require.Equal(t, []string{"b", "d"}, keysOf(t, path), "nothing is written before it is accepted")
	first.Accept(append(left.Entries, Entry{Key: "a", Number: 1}, Entry{Key: "c", Number: 2}))
	require.NoError(t, first.Sync(0))
	require.Equal(t, []string{"a", "b", "c", "d"}, keysOf(t, path))
	require.NoError(t, first.Close(0))
}

// A file that is replaced between being opened and being locked is not used.
func TestTheFileThatIsLockedIsTheOneAtThePath(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal")
	j, _ := open(t, path)
	f, err := os.Open(path)
	require.NoError(t, err)
	require.True(t, at(f, path))
	require.NoError(t, os.Rename(path, path+".1"))
	require.False(t, at(f, path))
	require.NoError(t, os.WriteFile(path, nil, 0o600))
	require.False(t, at(f, path))
	require.NoError(t, f.Close())
	require.False(t, at(f, path))
	require.NoError(t, j.Close(0))
}

// A symbolic link stays one, and may be turned to another file.
func TestASymbolicLinkIsFollowed(t *testing.T) {
	dir := t.TempDir()
	path, one, two := filepath.Join(dir, "journal"), filepath.Join(dir, "one"), filepath.Join(dir, "two")
	require.NoError(t, os.Symlink(one, path))
	j, _ := open(t, path)
	add(t, j, "a")
	j.disk.records = 2 * wastefulFrom
	add(t, j, "b") // writes the file anew
	require.Less(t, j.disk.records, 10)
	require.ErrorIs(t, New(path, "shop").Sync(0), ErrLocked, "the new file is locked, too")
	require.Equal(t, []string{"a", "b"}, keysOf(t, one))
	require.NoError(t, os.Remove(path))
	require.NoError(t, os.Symlink(two, path))
	add(t, j, "c")
	require.Equal(t, []string{"a", "b", "c"}, keysOf(t, two))
	info, err := os.Lstat(path)
	require.NoError(t, err)
	require.NotZero(t, info.Mode()&os.ModeSymlink)
	require.NoError(t, j.Close(0))
}

func TestWhatIsNoJournalIsLeftAlone(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "notes.txt")
	for _, content := range []string{"dear diary", strings.Repeat("0123456789", 100_000)} {
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
		err := New(path, "shop").Sync(0)
		require.ErrorIs(t, err, errForeign)
		require.True(t, Mistaken(err))
		raw, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, content, string(raw))
	}
	for _, name := range []string{dir, os.DevNull} {
		err := New(name, "shop").Sync(0)
		require.ErrorIs(t, err, errNotFile)
		require.True(t, Mistaken(err))
	}
	// A journal whose file is replaced by something else waits until that is gone.
	journal := filepath.Join(dir, "journal")
	j, _ := open(t, journal)
	add(t, j, "a")
	require.NoError(t, os.Rename(path, journal))
	require.ErrorIs(t, j.Sync(0), errForeign)
	require.NoError(t, os.Remove(journal))
	j.retry = time.Time{}
	add(t, j, "b")
	require.Equal(t, []string{"a", "b"}, keysOf(t, journal))
	require.NoError(t, j.Close(0))
}

// A folder that is missing is no mistake: it may be mounted later.
func TestTheFolderComesLater(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "later")
	path := filepath.Join(dir, "journal")
	j := New(path, "shop")
	j.Add(Entry{Key: "a", Number: 1})
	err := j.Sync(0)
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.False(t, Mistaken(err))
	require.Equal(t, err, j.Sync(0))
	require.NoError(t, os.Mkdir(dir, 0o700))
	j.retry = time.Time{}
	add(t, j, "b")
	require.Equal(t, []string{"a", "b"}, keysOf(t, path))
	require.NoError(t, os.RemoveAll(dir))
	require.ErrorIs(t, j.Sync(0), fs.ErrNotExist)
	require.ErrorIs(t, j.Close(0), fs.ErrNotExist)
	require.NoError(t, os.Mkdir(dir, 0o700))
	require.NoError(t, j.Close(0))
	require.Equal(t, []string{"a", "b"}, keysOf(t, path))
}

// What is recorded after Close is written, too, and the file is free for others again.
func TestARecordAfterCloseIsWritten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal")
	j, _ := open(t, path)
	add(t, j, "a")
	require.NoError(t, j.Close(0))
	add(t, j, "b")
	require.Equal(t, []string{"a", "b"}, keysOf(t, path))
	next, waiting := open(t, path)
	require.Len(t, waiting, 2)
	j.Add(Entry{Key: "c", Number: 9})
	require.ErrorIs(t, j.Sync(0), ErrLocked)
	require.NoError(t, next.Close(0))
}

// A file that is empty may have been truncated.
func TestAnEmptyFileIsToldOf(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal")
	require.NoError(t, os.WriteFile(path, nil, 0o600))
	j := New(path, "shop")
	require.NoError(t, j.Sync(0))
	left, ok := j.Left()
	require.True(t, ok)
	require.Equal(t, Left{Emptied: true}, left)
	j.Accept(nil)
	add(t, j, "a")
	require.Equal(t, []string{"a"}, keysOf(t, path))
	require.NoError(t, j.Close(0))
}

// A damaged file stays as it is until somebody has accepted that it is, and is whole then.
func TestADamagedFileIsWrittenAnew(t *testing.T) {
	b, ends := file()
	b[ends[1]] ^= 1
	headless, _ := file()
	headless = headless[len(header("shop")):]
	for name, raw := range map[string][]byte{"flipped": b, "without a head": headless, "zeros": make([]byte, 5000)} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "journal")
			require.NoError(t, os.WriteFile(path, raw, 0o600))
			j := New(path, "shop")
			for range 2 {
				require.NoError(t, j.Sync(0))
				left, ok := j.Left()
				require.True(t, ok)
				require.True(t, left.Damaged)
			}
			same, err := os.ReadFile(path)
			require.NoError(t, err)
			require.Equal(t, raw, same)
			j.Accept([]Entry{{Key: "everything", Number: 1}})
			require.NoError(t, j.Sync(0))
			require.Equal(t, []string{"everything"}, keysOf(t, path))
			require.NoError(t, j.Close(0))
		})
	}
}

// A torn tail is cut off before more is appended.
func TestATornTailIsCutOff(t *testing.T) {
	b, ends := file()
	for _, end := range []int{0, 5, len(magic), ends[0] - 1, ends[0], ends[0] + 3, ends[2] - 1, ends[3] - 1} {
		path := filepath.Join(t.TempDir(), "journal")
		require.NoError(t, os.WriteFile(path, b[:end], 0o600))
		j, waiting := open(t, path)
		add(t, j, "a")
		require.Len(t, keysOf(t, path), len(waiting)+1, "cut at %d", end)
		require.NoError(t, j.Close(0))
	}
}

// A fault that takes long is not tried again at once, and a quick one is.
func TestAFaultIsTriedAgain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "no", "journal")
	j := New(path, "shop")
	long := errors.New("it took long")
	j.fault, j.retry = long, time.Now().Add(time.Hour)
	require.ErrorIs(t, j.Sync(0), long)
	require.NoError(t, os.Mkdir(filepath.Dir(path), 0o700))
	j.retry = time.Now()
	require.NoError(t, j.Sync(0))
	require.NoError(t, j.Close(0))
}

// A file that is renamed while it is written and synced is not where the next process looks.
func TestAFileThatIsRenamedDuringASync(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal")
	j, _ := open(t, path)
	add(t, j, "a")
	j.fsync = func(f *os.File) error {
		j.fsync = (*os.File).Sync
		require.NoError(t, os.Rename(path, path+".1"))
		return f.Sync()
	}
	add(t, j, "b")
	require.Equal(t, []string{"a", "b"}, keysOf(t, path))
	require.NoError(t, j.Close(0))
}

// To cut the records off a file that somebody has truncated would make it longer.
func TestATruncatedFileIsNotMadeLonger(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal")
	j, _ := open(t, path)
	add(t, j, "a")
	require.NoError(t, os.Truncate(path, 1))
	j.Replace(nil)
	require.NoError(t, j.Sync(0))
	raw, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, header("shop"), raw)
	require.NoError(t, j.Close(0))
}
