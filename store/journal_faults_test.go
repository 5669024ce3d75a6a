package store_test

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/store"
)

// nextFinds is how many evictions a process would find in the journal if this one died now.
func nextFinds(t *testing.T, path string) int64 {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		return -1
	}
	left := filepath.Join(t.TempDir(), "left")
	require.NoError(t, os.WriteFile(left, raw, 0o600))
	st, err := store.Open(t.Context(), unreachable(t), store.Namespace("n"), store.Journal(left), store.Logger(quiet))
	if err != nil {
		return -2
	}
	defer func() { _ = st.Close() }() // evictions are left
	return st.Stats().Pending
}

// evictAfter evicts 20 tags after five others, and something happens to the file between.
func evictAfter(t *testing.T, happens func(path string)) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "journal")
	st := unreached(t, path, 5)
	happens(path)
	for i := range 20 {
		require.ErrorIs(t, st.Evict(t.Context(), st.Tag(fmt.Sprint("later", i))), store.ErrQueued)
		if i == 0 {
			require.EqualValues(t, 6, nextFinds(t, path))
		}
	}
	require.EqualValues(t, 25, nextFinds(t, path))
	require.Empty(t, st.Stats().Recovery.JournalFault)
	require.ErrorIs(t, st.Close(), store.ErrUndrained)
}

// Whatever happens to the file, the next eviction is in the journal when its error is returned, and all before it are.
func TestTheJournalOutlivesItsFile(t *testing.T) {
	for name, happens := range map[string]func(path string) error{
		"truncated":        func(path string) error { return os.Truncate(path, 0) },
		"truncated inside": func(path string) error { return os.Truncate(path, 60) },
		"renamed":          func(path string) error { return os.Rename(path, path+".1") },
		"removed":          os.Remove,
		"replaced by a copy": func(path string) error {
			raw, err := os.ReadFile(path)
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(path+".copy", raw, 0o600))
			return os.Rename(path+".copy", path)
		},
		"copied, then truncated": func(path string) error {
			require.NoError(t, os.Link(path, path+".1"))
			return os.Truncate(path, 0)
		},
		"replaced by an empty file": func(path string) error {
			require.NoError(t, os.WriteFile(path+".empty", nil, 0o644))
			return os.Rename(path+".empty", path)
		},
		"the folder renamed": func(path string) error {
			dir := filepath.Dir(path)
			require.NoError(t, os.Rename(dir, dir+".1"))
			return os.Mkdir(dir, 0o700)
		},
	} {
		t.Run(name, func(t *testing.T) { evictAfter(t, func(path string) { require.NoError(t, happens(path)) }) })
	}
}

// Nothing has to be evicted for that: the file is looked at each second.
func TestTheJournalIsTended(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal")
	st := unreached(t, path, 5)
	require.NoError(t, os.Truncate(path, 0))
	require.Eventually(t, func() bool { return nextFinds(t, path) == 5 }, soon, 50*time.Millisecond)
	require.NoError(t, os.Rename(path, path+".1"))
	require.Eventually(t, func() bool { return nextFinds(t, path) == 5 }, soon, 50*time.Millisecond)
	require.ErrorIs(t, st.Close(), store.ErrUndrained)
}

// A journal that can't be used at Open is told of once, and used as soon as it can be.
func TestOpenGoesOnWithoutItsJournal(t *testing.T) {
	dir, log := filepath.Join(t.TempDir(), "dir"), redistest.NewLog(slog.LevelInfo)
	path := filepath.Join(dir, "journal")
	rdb := redistest.Start(t).Client(t)
	st := open(t, rdb, store.Namespace("n"), store.Journal(path), store.Logger(log.Logger()))
	e := entryOf(t, rdb, st, "key")
	e.load("cached")
	require.Equal(t, "value cached", e.sees(), "Redis is well")
	lines := log.At(slog.LevelError, "aside: the journal of evictions can't be written")
	require.Len(t, lines, 1)
	require.Contains(t, fmt.Sprint(lines[0]), path)
	require.Contains(t, fmt.Sprint(lines[0]), "create the folder")
	require.Contains(t, st.Stats().Recovery.JournalFault, "no such file")
	require.Positive(t, st.Stats().Recovery.JournalErrors)

	require.NoError(t, os.Mkdir(dir, 0o700))
	require.Eventually(t, func() bool { return st.Stats().Recovery.JournalFault == "" }, soon, often)
	require.Len(t, log.At(slog.LevelInfo, "aside: the journal of evictions is written again"), 1)
	require.Len(t, log.At(slog.LevelError, "aside: the journal"), 1)
}

// A process that starts while another has the journal goes on without, and takes over when the other is gone.
func TestTheJournalIsTakenOver(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal")
	first := unreached(t, path, 3)
	rdb := redistest.Start(t).Client(t)
	second := open(t, rdb, store.Namespace("n"), store.Journal(path))
	require.Contains(t, second.Stats().Recovery.JournalFault, "in use")
	require.Zero(t, second.Stats().Pending)
	require.ErrorIs(t, first.Close(), store.ErrUndrained)
	require.Eventually(t, func() bool { return second.Stats().Replayed == 3 }, soon, often)
	require.Eventually(t, func() bool { return nextFinds(t, path) == 0 }, soon, 50*time.Millisecond)
	require.Empty(t, second.Stats().Recovery.JournalFault)
}

// A store whose journal can't be written does not say that it keeps what is left.
func TestClosedWithoutItsJournal(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "dir")
	st := unreached(t, filepath.Join(dir, "journal"), 2)
	err := st.Close()
	require.ErrorIs(t, err, store.ErrUndrained)
	require.NotContains(t, err.Error(), "journal")
}

// How long no process ran does not matter: what waited then is evicted, and nothing else.
func TestDowntimeDoesNotEmptyTheNamespace(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal")
	rdb := redistest.Start(t).Client(t)
	other := open(t, rdb, store.Namespace("n"))
	kept, evicted := entryOf(t, rdb, other, "kept"), entryOf(t, rdb, other, "evicted")
	kept.load("kept")
	evicted.load("old")

	first := unreached(t, path, 0)
	require.ErrorIs(t, first.Evict(t.Context(), evicted.Ref.Key), store.ErrQueued)
	require.ErrorIs(t, first.Close(), store.ErrUndrained)
	age := time.Second
	time.Sleep(age + 100*time.Millisecond) // nothing runs
	second := open(t, rdb, store.Namespace("n"), store.Journal(path), store.QueueAge(age))
	require.Eventually(t, func() bool { return second.Stats().Pending == 0 }, soon, often)
	require.EqualValues(t, 1, second.Stats().Replayed)
	require.Zero(t, second.Stats().Overflows)
	require.Equal(t, "value kept", kept.sees())
	evicted.eventually("absent")
}
