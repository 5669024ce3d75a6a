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

func open(t require.TestingT, path string) (*Journal, []Entry) {
	j, waiting, damaged, err := Open(path, "shop")
	require.NoError(t, err)
	require.False(t, damaged)
	return j, waiting
}

// After any sequence of calls, a journal that is opened again returns the pending evictions.
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
		keys := rapid.SampledFrom([]string{"a", "b", "c", "d"})
		t.Repeat(map[string]func(*rapid.T){
			"add": func(t *rapid.T) {
				var added []Entry
				for range rapid.IntRange(1, 3).Draw(t, "n") {
					number++
					e := Entry{Key: keys.Draw(t, "key"), Number: number, Since: moments.Draw(t, "since"), Until: moments.Draw(t, "until")}
					added, model[e.Key] = append(added, e), e
				}
				require.NoError(t, j.Add(added...))
			},
			"done": func(t *rapid.T) {
				key := keys.Draw(t, "key")
				require.NoError(t, j.Done(Entry{Key: key, Number: model[key].Number}))
				delete(model, key)
			},
			"done with an earlier one": func(t *rapid.T) {
				if e, ok := model["a"]; ok {
					require.NoError(t, j.Done(Entry{Key: "a", Number: e.Number + 1000}))
					require.NoError(t, j.Rewrite(all())) // sizes follow the caller, who knows better
				}
			},
			"rewrite": func(t *rapid.T) { require.NoError(t, j.Rewrite(all())) },
			"reopen": func(t *rapid.T) {
				require.NoError(t, j.Close())
				j, waiting = open(t, path)
				require.ElementsMatch(t, all(), waiting)
			},
			"die": func(t *rapid.T) { // what was synced survives; the lock ends with the process
				require.NoError(t, j.Sync())
				require.NoError(t, j.lock.Close())
				require.NoError(t, j.file.Close())
				j, waiting = open(t, path)
				require.ElementsMatch(t, all(), waiting)
			},
		})
		require.NoError(t, j.Close())
		require.NoError(t, j.Close())
	})
}

func TestOneProcessAtATime(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal")
	j, _ := open(t, path)
	_, _, _, err := Open(path, "shop")
	require.ErrorIs(t, err, ErrLocked)
	require.NoError(t, j.Close())
	j, _ = open(t, path)
	require.NoError(t, j.Close())
}

func TestAForeignFileIsLeftAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "notes.txt")
	require.NoError(t, os.WriteFile(path, []byte("dear diary"), 0o600))
	_, _, _, err := Open(path, "shop")
	require.ErrorIs(t, err, errForeign)
	raw, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, "dear diary", string(raw))
	_, _, _, err = Open(filepath.Join(t.TempDir(), "no", "such", "folder"), "shop")
	require.ErrorIs(t, err, os.ErrNotExist)
}

// A file that is much larger than its pending evictions is worth rewriting.
func TestWastefulFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal")
	j, _ := open(t, path)
	e := Entry{Key: "key", Number: 1, Since: time.UnixMicro(1)}
	require.NoError(t, j.Add(e))
	for !j.Wasteful() {
		require.NoError(t, j.Add(e))
	}
	require.NoError(t, j.Rewrite([]Entry{e}))
	require.False(t, j.Wasteful())
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Less(t, info.Size(), int64(100))
	require.NoError(t, j.Close())
}

// After a failed write everything is refused until the file is complete again.
func TestABrokenFileIsRepairedByRewrite(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal")
	j, _ := open(t, path)
	require.NoError(t, j.Add(Entry{Key: "a", Number: 1}))
	whole := j.file
	unwritable, err := os.Open(path)
	require.NoError(t, err)
	j.file = unwritable
	require.NoError(t, whole.Close())
	require.Error(t, j.Add(Entry{Key: "b", Number: 2}))
	require.True(t, j.Broken())
	require.Error(t, j.Sync())
	require.Error(t, j.Done(Entry{Key: "a", Number: 1}))
	waiting := []Entry{{Key: "a", Number: 1}, {Key: "b", Number: 2}}
	require.NoError(t, j.Rewrite(waiting))
	require.False(t, j.Broken())
	require.NoError(t, j.Add(Entry{Key: "c", Number: 3}))
	require.NoError(t, j.Close())
	require.ErrorIs(t, j.Add(Entry{}), os.ErrClosed)
	require.ErrorIs(t, j.Rewrite(nil), os.ErrClosed)
	j, got := open(t, path)
	require.Len(t, got, 3)
	require.NoError(t, j.Close())
}

// Concurrent syncs, while the file is replaced, all put their caller's records on the disk.
func TestSyncsAndRewritesAtTheSameTime(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal")
	j, _ := open(t, path)
	var order sync.Mutex
	model := map[string]Entry{}
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for n := range 20 {
				e := Entry{Key: fmt.Sprint(i, "-", n), Number: uint64(n), Since: time.UnixMicro(1)}
				order.Lock()
				model[e.Key] = e
				err := j.Add(e)
				if n%10 == 5 {
					err = j.Rewrite(slices.Collect(maps.Values(model)))
				}
				order.Unlock()
				if err == nil {
					err = j.Sync()
				}
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	require.NoError(t, j.Close())
	j, waiting := open(t, path)
	require.Len(t, waiting, 160)
	require.NoError(t, j.Close())
}
