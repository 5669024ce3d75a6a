package journal

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// open opens a journal as a process does that starts, and takes over what is left in it.
func open(t require.TestingT, path string) (*Journal, []Entry) {
	j := New(path, "shop")
	require.NoError(t, j.Sync(0))
	left, ok := j.Left()
	if ok {
		require.False(t, left.Damaged)
		j.Accept(left.Entries)
		require.NoError(t, j.Sync(0))
	}
	return j, left.Entries
}

// dies has a process die: what it wrote stays, and its locks end.
func dies(t require.TestingT, j *Journal) {
	j.io.Lock()
	defer j.io.Unlock()
	require.NoError(t, j.release())
	j.closed = true
}

// keysOf returns the keys that a process would find that is started on a copy of the file.
func keysOf(t require.TestingT, path string) []string {
	raw, err := os.ReadFile(path)
	require.NoError(t, err)
	c, err := decode(raw, "shop")
	require.NoError(t, err)
	require.False(t, c.damaged)
	return slices.Sorted(maps.Keys(c.waiting))
}

// add records and syncs pending evictions.
func add(t require.TestingT, j *Journal, keys ...string) {
	for i, key := range keys {
		j.Add(Entry{Key: key, Number: uint64(i + 1), Since: time.UnixMicro(1)})
	}
	require.NoError(t, j.Sync(time.Second))
}

// Whatever is recorded, and whatever happens to the file meanwhile: after a Sync it says what is pending, and another
// process finds that.
func TestAJournalReturnsPendingEvictions(t *testing.T) {
	dir := t.TempDir()
	runs := 0
	rapid.Check(t, func(t *rapid.T) {
		runs++
		path := filepath.Join(dir, fmt.Sprint(runs))
		j, waiting := open(t, path)
		require.Empty(t, waiting)
		model, number := map[string]Entry{}, uint64(0)
		all := func() []Entry { return slices.Collect(maps.Values(model)) }
		names := func() []string { return slices.Sorted(maps.Keys(model)) }
		keys := rapid.SampledFrom([]string{"a", "b", "c", "d"})
		draw := func(t *rapid.T) Entry {
			number++
			return Entry{Key: keys.Draw(t, "key"), Number: number, Since: moments.Draw(t, "since"), Until: moments.Draw(t, "until")}
		}
		again := func(t *rapid.T) {
			j, waiting = open(t, path)
			require.ElementsMatch(t, all(), waiting)
		}
		t.Repeat(map[string]func(*rapid.T){
			"add": func(t *rapid.T) {
				for range rapid.IntRange(1, 3).Draw(t, "n") {
					e := draw(t)
					model[e.Key] = e
					j.Add(e)
				}
			},
			"done": func(t *rapid.T) {
				key := keys.Draw(t, "key")
				j.Done(Entry{Key: key, Number: model[key].Number})
				delete(model, key)
			},
			"done with an earlier one": func(t *rapid.T) {
				key := keys.Draw(t, "key")
				j.Done(Entry{Key: key, Number: model[key].Number + 1000})
			},
			"replace": func(t *rapid.T) {
				clear(model)
				for range rapid.IntRange(0, 3).Draw(t, "n") {
					e := draw(t)
					model[e.Key] = e
				}
				j.Replace(all())
			},
			"sync": func(t *rapid.T) {
				require.NoError(t, j.Sync(time.Second))
				require.Equal(t, names(), keysOf(t, path))
			},
			"close and open": func(t *rapid.T) {
				require.NoError(t, j.Close(0))
				require.NoError(t, j.Close(0))
				again(t)
			},
			"die": func(t *rapid.T) { // what was synced survives
				require.NoError(t, j.Sync(0))
				dies(t, j)
				again(t)
			},
			"truncate": func(t *rapid.T) {
				require.NoError(t, j.Sync(0))
				info, err := os.Stat(path)
				require.NoError(t, err)
				require.NoError(t, os.Truncate(path, rapid.Int64Range(0, info.Size()-1).Draw(t, "to")))
			},
			"append": func(*rapid.T) {
				require.NoError(t, j.Sync(0)) // a file that is as long as before by chance is not noticed
				f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
				require.NoError(t, err)
				_, err = f.WriteString("noise")
				require.NoError(t, err)
				require.NoError(t, f.Close())
				require.NoError(t, j.Sync(0))
			},
			"rename": func(*rapid.T) {
				require.NoError(t, os.Rename(path, path+".1"))
				require.NoError(t, j.Sync(0))
			},
			"remove": func(*rapid.T) {
				require.NoError(t, os.Remove(path))
				require.NoError(t, j.Sync(0))
			},
			"replace by a copy": func(*rapid.T) {
				require.NoError(t, j.Sync(0))
				copied(t, path, path+".copy")
				require.NoError(t, os.Rename(path+".copy", path))
				require.NoError(t, j.Sync(0))
			},
		})
		require.NoError(t, j.Close(0))
		require.Equal(t, names(), keysOf(t, path))
	})
}

func copied(t require.TestingT, from, to string) {
	raw, err := os.ReadFile(from)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(to, raw, 0o600))
}

// A Done is about one eviction of a key. A later eviction of the same key stays pending.
func TestDoneLeavesALaterEvictionPending(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal")
	j, _ := open(t, path)
	j.Add(Entry{Key: "a", Number: 1})
	require.NoError(t, j.Sync(0))
	j.Add(Entry{Key: "a", Number: 2})
	j.Done(Entry{Key: "a", Number: 1})
	require.NoError(t, j.Sync(0))
	require.Equal(t, []string{"a"}, keysOf(t, path))
	j.Done(Entry{Key: "a", Number: 2})
	require.NoError(t, j.Sync(0))
	require.Empty(t, keysOf(t, path))
	require.NoError(t, j.Close(0))
}

// A hold that is longer is written, whatever the number: the numbers of two processes may be the same.
func TestALongerHoldIsWritten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal")
	j, _ := open(t, path)
	for _, until := range []time.Time{{}, time.UnixMicro(5), time.UnixMicro(9)} {
		j.Add(Entry{Key: "a", Number: 1, Until: until})
		require.NoError(t, j.Sync(0))
	}
	dies(t, j)
	j, waiting := open(t, path)
	require.Equal(t, []Entry{{Key: "a", Number: 1, Until: time.UnixMicro(9)}}, waiting)
	require.NoError(t, j.Close(0))
}

// How long evictions have been waiting is counted by processes that ran, not by clocks.
func TestTheTimeWaitedIsKept(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal")
	j, _ := open(t, path)
	add(t, j, "a")
	beats := j.disk.records
	require.NoError(t, j.Sync(30*time.Minute))
	require.Equal(t, beats, j.disk.records, "it has just been told")
	j.beat = time.Now().Add(-beatEvery)
	require.NoError(t, j.Sync(40*time.Minute))
	require.Equal(t, beats+1, j.disk.records)
	raw, err := os.ReadFile(path)
	require.NoError(t, err)
	c, err := decode(raw, "shop")
	require.NoError(t, err)
	require.Equal(t, 40*time.Minute, c.waited)
	require.NoError(t, j.Close(50*time.Minute))
	j = New(path, "shop")
	require.NoError(t, j.Sync(0))
	left, ok := j.Left()
	require.True(t, ok)
	require.Equal(t, 50*time.Minute, left.Waited)
	j.Accept(left.Entries)
	require.NoError(t, j.Close(0))
}

// The file is short again as soon as nothing is pending, and is written anew if most of it is about what no longer is.
func TestWastefulFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal")
	j, _ := open(t, path)
	size := func() int64 {
		info, err := os.Stat(path)
		require.NoError(t, err)
		return info.Size()
	}
	clean := size()
	add(t, j, "key")
	require.NoError(t, os.Chmod(path, 0o640))
	most := int64(0)
	for n := range uint64(wastefulFrom + 100) {
		j.Add(Entry{Key: "key", Number: n + 2})
		require.NoError(t, j.append(0)) // Sync would also wait for the disk
		if n%1000 == 0 {
			require.NoError(t, j.Sync(0))
		}
		most = max(most, size())
	}
	require.NoError(t, j.Sync(0))
	require.Greater(t, most, int64(100_000))
	require.Less(t, size(), most/10)
	require.Equal(t, []string{"key"}, keysOf(t, path))
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o640), info.Mode())
	j.Replace(nil)
	require.NoError(t, j.Sync(0))
	require.Equal(t, clean, size())
	require.NoError(t, j.Close(0))
}

// Concurrent syncs, while the file is renamed again and again, all put their caller's records on the disk.
func TestSyncsAtTheSameTime(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal")
	j, _ := open(t, path)
	var order sync.Mutex
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for n := range 20 {
				e := Entry{Key: fmt.Sprint(i, "-", n), Number: uint64(n), Since: time.UnixMicro(1)}
				order.Lock()
				j.Add(e)
				order.Unlock()
				if err := j.Sync(time.Second); err != nil {
					t.Error(err)
				}
				if i == 0 && n%5 == 0 {
					if err := os.Rename(path, path+".1"); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	wg.Wait()
	require.NoError(t, j.Close(0))
	require.Len(t, keysOf(t, path), 160)
	j, waiting := open(t, path)
	require.Len(t, waiting, 160)
	require.NoError(t, j.Close(0))
}
