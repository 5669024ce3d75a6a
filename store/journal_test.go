package store_test

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/store"
)

// childEnv makes the test binary another process of the fleet: "namespace journal".
const childEnv = "ASIDE_STORE_CHILD"

const childKeys = 1000

// runChild evicts many keys while it can't reach Redis, says so, and waits to be killed.
func runChild(args string) {
	var namespace, path string
	if _, err := fmt.Sscan(args, &namespace, &path); err != nil {
		panic(err)
	}
	rdb := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1"})
	st, err := store.Open(context.Background(), rdb, store.Namespace(namespace), store.Journal(path), store.Logger(quiet))
	if err != nil {
		panic(err)
	}
	p := st.Engine().Entries.Cache("cache", schema, ttl)
	for i := range childKeys {
		_ = st.Evict(context.Background(), p.Key(fmt.Sprint(i))) // it is queued
	}
	fmt.Println(st.Stats().Pending)
	select {}
}

// A process is killed with 1,000 evictions queued. The next one carries all of them out, and reads none of the keys before.
func TestAProcessThatIsKilledLeavesItsEvictionsToTheNext(t *testing.T) {
	rdb := redistest.Start(t).Client(t)
	other := open(t, rdb)
	p := other.Engine().Entries.Cache("cache", schema, ttl)
	entries := make([]*testEntry, childKeys)
	for i := range entries {
		entries[i] = &testEntry{t: t, rdb: rdb, st: other, Cache: p, Ref: p.Ref(p.Key(fmt.Sprint(i)), nil)}
		entries[i].load("old")
	}
	path := filepath.Join(t.TempDir(), "journal")

	cmd := exec.Command(os.Args[0], "-test.run=^$")
	cmd.Env = append(os.Environ(), childEnv+"="+other.Namespace()+" "+path)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	line, err := bufio.NewReader(out).ReadString('\n')
	if err == nil {
		second, opened := store.Open(t.Context(), rdb, store.Namespace(other.Namespace()), store.Journal(path), store.Logger(quiet))
		require.NoError(t, opened)
		require.Contains(t, second.Stats().Recovery.JournalFault, "in use by another process")
		require.Zero(t, second.Stats().Pending)
		require.NoError(t, second.Close())
	}
	require.NoError(t, cmd.Process.Kill())
	_ = cmd.Wait() // it was killed
	require.NoError(t, err)
	require.Equal(t, fmt.Sprintln(childKeys), line)
	for _, e := range entries {
		require.Equal(t, "value old", e.sees())
	}

	opens := make(chan struct{})
	next := open(t, rdb, store.Namespace(other.Namespace()), store.Journal(path), store.Hooks(gate(opens)))
	require.EqualValues(t, childKeys, next.Stats().Pending)
	cache := next.Engine().Entries.Cache("cache", schema, ttl)
	for _, e := range entries {
		v, err := cache.Read(t.Context(), &e.Ref)
		require.NoError(t, err)
		require.Equal(t, "held", words(v))
	}
	close(opens)
	require.Eventually(t, func() bool { return next.Stats().Pending == 0 }, soon, often)
	require.EqualValues(t, childKeys, next.Stats().Replayed)
	for _, e := range entries {
		require.Equal(t, "absent", e.sees())
	}
	require.NoError(t, next.Close())
	require.Zero(t, open(t, rdb, store.Namespace(other.Namespace()), store.Journal(path)).Stats().Pending)
}

// gate returns a hook that holds scripts back until the channel is closed.
func gate(opens <-chan struct{}) redis.Hook {
	return redistest.Before(func(cmds []redis.Cmder) {
		if slices.ContainsFunc(cmds, func(cmd redis.Cmder) bool { return strings.HasPrefix(cmd.Name(), "eval") }) {
			<-opens
		}
	})
}

// unreached opens a store with a journal that can't reach Redis, and queues evictions.
func unreached(t *testing.T, path string, keys int, options ...store.Option) *store.Store {
	t.Helper()
	rdb := unreachable(t)
	st, err := store.Open(t.Context(), rdb, append([]store.Option{store.Namespace("n"), store.Journal(path), store.Logger(quiet)}, options...)...)
	require.NoError(t, err)
	for i := range keys {
		require.ErrorIs(t, st.Evict(t.Context(), st.Tag(fmt.Sprint(i))), store.ErrQueued)
	}
	return st
}

func TestCloseLeavesEvictionsInTheJournal(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal")
	st := unreached(t, path, 3)
	err := st.Close()
	require.ErrorIs(t, err, store.ErrUndrained)
	require.ErrorContains(t, err, "evictions not delivered: 3 (kept in the journal)")
	st = unreached(t, path, 1) // one of them once more
	require.EqualValues(t, 3, st.Stats().Pending)
	require.ErrorIs(t, st.Close(), store.ErrUndrained)

	rdb := redistest.Start(t).Client(t)
	st = open(t, rdb, store.Namespace("n"), store.Journal(path))
	require.Eventually(t, func() bool { return st.Stats().Pending == 0 }, soon, often)
	_, err = store.Open(t.Context(), rdb, store.Namespace("m"), store.Journal(path))
	require.ErrorIs(t, err, store.ErrJournal)
	require.NoError(t, st.Close())
	_, err = store.Open(t.Context(), rdb, store.Namespace("m"), store.Journal(path))
	require.ErrorIs(t, err, store.ErrJournal, "it belongs to another namespace")
}

// How long a hold is to stay, and since when evictions wait, survives the process.
func TestTheJournalKeepsTimes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal")
	st := unreached(t, path, 0)
	h, err := st.Engine().Evictor.Hold(t.Context(), st.Tag("held"))
	require.Error(t, err)
	require.ErrorIs(t, h.End(t.Context(), time.Minute), store.ErrQueued)
	require.ErrorIs(t, st.Close(), store.ErrUndrained)

	rdb := redistest.Start(t).Client(t)
	st = open(t, rdb, store.Namespace("n"), store.Journal(path))
	require.Eventually(t, func() bool { return st.Stats().Pending == 0 }, soon, often)
	left, err := rdb.PTTL(t.Context(), st.Tag("held").String()).Result()
	require.NoError(t, err)
	require.Greater(t, left, 30*time.Second)
	require.NoError(t, st.Close())

	st = unreached(t, path, 2)
	require.ErrorIs(t, st.Close(), store.ErrUndrained)
	st = open(t, rdb, store.Namespace("n"), store.Journal(path), store.QueueAge(time.Millisecond))
	require.EqualValues(t, 1, st.Stats().Overflows, "they have waited for too long")
	require.Eventually(t, func() bool { return st.Stats().Pending == 0 }, soon, often)
}

// When the journal is damaged there is no telling what waits, so everything is evicted.
func TestADamagedJournalEvictsEverything(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal")
	require.ErrorIs(t, unreached(t, path, 5).Close(), store.ErrUndrained)
	raw, err := os.ReadFile(path)
	require.NoError(t, err)
	raw[len(raw)/2] ^= 1
	require.NoError(t, os.WriteFile(path, raw, 0o600))

	rdb, log := redistest.Start(t).Client(t), redistest.NewLog(slog.LevelInfo)
	e := entryOf(t, rdb, open(t, rdb, store.Namespace("n")), "key")
	e.load("old")
	st := open(t, rdb, store.Namespace("n"), store.Journal(path), store.Logger(log.Logger()))
	require.Len(t, log.At(slog.LevelError, "aside: the journal of evictions is damaged"), 1)
	require.Eventually(t, func() bool { return st.Stats().Pending == 0 }, soon, often)
	e.eventually("evicted")
}

// A journal that can't be written is logged once and counted; evictions are queued all the same. As soon as it can be
// written it has all of them.
func TestAJournalThatCanNotBeWritten(t *testing.T) {
	dir, log := filepath.Join(t.TempDir(), "dir"), redistest.NewLog(slog.LevelInfo)
	require.NoError(t, os.Mkdir(dir, 0o700))
	path := filepath.Join(dir, "journal")
	st := unreached(t, path, 1, store.Logger(log.Logger()), store.QueueLimit(3))
	const unwritten = "aside: the journal of evictions can't be written"
	require.NoError(t, os.RemoveAll(dir))
	for range 5 { // there are too many, so it is to be written anew
		require.ErrorIs(t, st.Evict(t.Context(), st.Tag("b"), st.Tag("c"), st.Tag("d")), store.ErrQueued)
	}
	require.Len(t, log.At(slog.LevelError, unwritten), 1)
	require.Positive(t, st.Stats().Recovery.JournalErrors)
	require.Contains(t, st.Stats().Recovery.JournalFault, path)
	require.EqualValues(t, 1, st.Stats().Pending, "of everything")
	require.NoError(t, os.Mkdir(dir, 0o700))
	require.Eventually(t, func() bool {
		require.ErrorIs(t, st.Evict(t.Context(), st.Tag("last")), store.ErrQueued)
		return st.Stats().Recovery.JournalFault == ""
	}, soon, often)
	errors := st.Stats().Recovery.JournalErrors
	require.ErrorIs(t, st.Evict(t.Context(), st.Tag("last")), store.ErrQueued)
	require.Equal(t, errors, st.Stats().Recovery.JournalErrors)
	require.ErrorIs(t, st.Close(), store.ErrUndrained)
	require.Len(t, log.At(slog.LevelError, unwritten), 1)
	require.Len(t, log.At(slog.LevelInfo, "aside: the journal of evictions is written again"), 1)
	st = unreached(t, path, 0)
	require.EqualValues(t, 1, st.Stats().Pending)
	require.ErrorIs(t, st.Close(), store.ErrUndrained)
}

// What Redis may have lost is in the journal, too, until it is repeated.
func TestWhatIsRecalledIsInTheJournal(t *testing.T) {
	path, server := filepath.Join(t.TempDir(), "journal"), startFickle(t)
	st, err := store.Open(t.Context(), server.Client(t), store.Namespace("n"), store.Journal(path), store.Logger(quiet))
	require.NoError(t, err)
	feedUp(t, st)
	require.NoError(t, st.Evict(t.Context(), st.Tag("a"), st.Tag("b")))
	st.SuspendReplay()
	server.comeBack()
	require.Eventually(t, func() bool { return st.Stats().Pending == 2 }, soon, often)
	server.Kill()
	require.ErrorIs(t, st.Close(), store.ErrUndrained)
	st = unreached(t, path, 0)
	require.EqualValues(t, 2, st.Stats().Pending)
	require.ErrorIs(t, st.Close(), store.ErrUndrained)
	server.Restart()
}
