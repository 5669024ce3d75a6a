package journal

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// mounts reports whether this is a process that may mount file systems that nobody else sees. If not, it runs the test in
// one.
func mounts(t *testing.T) bool {
	const env = "ASIDE_JOURNAL_MOUNTS"
	if os.Getenv(env) != "" {
		return true
	}
	cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), env+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
		UidMappings: []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}},
	}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Skip("no namespaces here:", err)
	}
	if err := cmd.Wait(); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	if strings.Contains(out.String(), "--- SKIP") {
		t.Skip(out.String())
	}
	require.Contains(t, out.String(), "--- PASS")
	return false
}

// mount mounts a file system of 64 kB.
func mount(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	if err := syscall.Mount("aside", dir, "tmpfs", 0, "size=64k"); err != nil {
		t.Skip("nothing can be mounted here:", err)
	}
	t.Cleanup(func() { require.NoError(t, syscall.Unmount(dir, syscall.MNT_DETACH)) })
	return dir
}

// fillUp uses up the room on the disk. It returns how to give it back.
func fillUp(t *testing.T, dir string) (free func()) {
	t.Helper()
	name := filepath.Join(dir, "filler")
	f, err := os.Create(name)
	require.NoError(t, err)
	for err == nil {
		_, err = f.Write(make([]byte, os.Getpagesize()))
	}
	require.ErrorIs(t, err, syscall.ENOSPC)
	require.NoError(t, f.Close())
	return func() { require.NoError(t, os.Remove(name)) }
}

func again(j *Journal) error {
	j.retry = time.Time{}
	return j.Sync(time.Second)
}

func TestAFullDisk(t *testing.T) {
	if !mounts(t) {
		return
	}
	t.Run("at a write", func(t *testing.T) {
		dir := mount(t)
		path := filepath.Join(dir, "journal")
		j, _ := open(t, path)
		add(t, j, "a")
		free := fillUp(t, dir)
		want := []string{"a"}
		failed := 0
		for n := range 100 {
			key := fmt.Sprintf("%s%03d", strings.Repeat("x", 200), n)
			want = append(want, key)
			j.Add(Entry{Key: key, Number: uint64(n + 2)})
			if err := again(j); err != nil {
				require.ErrorIs(t, err, syscall.ENOSPC)
				failed++
			}
		}
		require.Greater(t, failed, 50)
		require.Equal(t, want[:len(want)-failed], keysOf(t, path))
		free()
		require.NoError(t, again(j))
		require.Equal(t, want, keysOf(t, path))
		require.NoError(t, j.Close(0))
	})
	t.Run("when it is to be written anew", func(t *testing.T) {
		dir := mount(t)
		path := filepath.Join(dir, "journal")
		j, _ := open(t, path)
		add(t, j, "a")
		free := fillUp(t, dir)
		before, err := os.Stat(path)
		require.NoError(t, err)
		j.disk.records = 2 * wastefulFrom
		j.Add(Entry{Key: "b", Number: 2})
		require.NoError(t, again(j), "there is room in its last page")
		require.Equal(t, []string{"a", "b"}, keysOf(t, path))
		require.Less(t, j.disk.records, 100, "it is not tried each time")
		free()
		j.disk.records = 2 * wastefulFrom
		require.NoError(t, again(j))
		after, err := os.Stat(path)
		require.NoError(t, err)
		require.False(t, os.SameFile(before, after))
		require.Equal(t, []string{"a", "b"}, keysOf(t, path))
		names, err := filepath.Glob(path + "*")
		require.NoError(t, err)
		require.Equal(t, []string{path}, names)
		require.NoError(t, j.Close(0))
	})
	t.Run("at the start", func(t *testing.T) {
		dir := mount(t)
		path := filepath.Join(dir, "journal")
		free := fillUp(t, dir)
		j := New(path, "shop")
		require.ErrorIs(t, j.Sync(0), syscall.ENOSPC)
		j.Add(Entry{Key: "a", Number: 1})
		require.ErrorIs(t, again(j), syscall.ENOSPC)
		free()
		require.NoError(t, again(j))
		require.Equal(t, []string{"a"}, keysOf(t, path))
		require.NoError(t, j.Close(0))
	})
	t.Run("truncated as well", func(t *testing.T) {
		dir := mount(t)
		path := filepath.Join(dir, "journal")
		j, _ := open(t, path)
		add(t, j, "a")
		free := fillUp(t, dir)
		require.NoError(t, os.Truncate(path, 0))
		take := fillUpMore(t, dir)
		require.ErrorIs(t, again(j), syscall.ENOSPC)
		take()
		free()
		require.NoError(t, again(j))
		require.Equal(t, []string{"a"}, keysOf(t, path))
		require.NoError(t, j.Close(0))
	})
}

// fillUpMore takes the pages that have become free.
func fillUpMore(t *testing.T, dir string) (free func()) {
	t.Helper()
	sub := filepath.Join(dir, "sub")
	require.NoError(t, os.Mkdir(sub, 0o700))
	return fillUp(t, sub)
}

// A file that can't be written is read all the same: what is left in it is carried out. It is not read a second time, and
// says what is still pending as soon as it can be written.
func TestAFileSystemThatIsReadOnly(t *testing.T) {
	if !mounts(t) {
		return
	}
	dir := mount(t)
	path := filepath.Join(dir, "journal")
	earlier, _ := open(t, path)
	add(t, earlier, "a", "b")
	require.NoError(t, earlier.Close(0))
	zeros := path + ".zeros"
	require.NoError(t, os.WriteFile(zeros, make([]byte, 100), 0o600))
	require.NoError(t, syscall.Mount("", dir, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""))

	damaged := New(zeros, "shop")
	require.ErrorIs(t, damaged.Sync(0), syscall.EROFS)
	found, _ := damaged.Left()
	require.True(t, found.Damaged)
	damaged.Accept(nil)
	missing := New(filepath.Join(dir, "other"), "shop")
	require.ErrorIs(t, missing.Sync(0), syscall.EROFS)
	j := New(path, "shop")
	require.ErrorIs(t, j.Sync(0), syscall.EROFS)
	left, ok := j.Left()
	require.True(t, ok)
	require.Len(t, left.Entries, 2)
	j.Accept(left.Entries)
	require.ErrorIs(t, again(j), syscall.EROFS)
	j.Done(left.Entries[0])
	require.ErrorIs(t, again(j), syscall.EROFS)
	_, ok = j.Left()
	require.False(t, ok, "it was carried out already")

	require.NoError(t, syscall.Mount("", dir, "", syscall.MS_REMOUNT, ""))
	require.NoError(t, again(j))
	_, ok = j.Left()
	require.False(t, ok)
	require.Equal(t, []string{left.Entries[1].Key}, keysOf(t, path))
	require.NoError(t, j.Close(0))
	require.NoError(t, again(missing))
	require.NoError(t, missing.Close(0))
	require.NoError(t, again(damaged))
	_, ok = damaged.Left()
	require.False(t, ok, "everything was evicted already")
	require.NoError(t, damaged.Close(0))
	require.Empty(t, keysOf(t, zeros))
}

// Nothing can take the place of a file that is mounted by itself, as container engines do: it is written in place.
func TestAFileThatIsAMountItself(t *testing.T) {
	if !mounts(t) {
		return
	}
	dir := mount(t)
	real, path := filepath.Join(dir, "real"), filepath.Join(dir, "journal")
	require.NoError(t, os.WriteFile(real, nil, 0o600))
	require.NoError(t, os.WriteFile(path, nil, 0o600))
	if err := syscall.Mount(real, path, "", syscall.MS_BIND, ""); err != nil {
		t.Skip("nothing can be mounted here:", err)
	}
	t.Cleanup(func() { require.NoError(t, syscall.Unmount(path, syscall.MNT_DETACH)) })
	j, _ := open(t, path)
	add(t, j, "a")
	j.disk.records = 2 * wastefulFrom
	add(t, j, "b")
	require.NoError(t, os.Truncate(real, 10))
	add(t, j, "c")
	require.Equal(t, []string{"a", "b", "c"}, keysOf(t, real))
	j.Replace(nil)
	require.NoError(t, j.Sync(0))
	require.Empty(t, keysOf(t, real))
	require.NoError(t, j.Close(0))
}
