package outbox

import (
	"bytes"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/internal/journal"
	"github.com/jollyjet/aside/internal/keyspace"
	"github.com/jollyjet/aside/internal/redistest"
)

func withJournal(t *testing.T, path string, change ...func(*Config)) *Outbox {
	t.Helper()
	return bare(t, func(c *Config) {
		c.Journal = path
		for _, f := range change {
			f(c)
		}
	})
}

// resumeOnly is Resume without the goroutine that tends the file.
func (o *Outbox) resumeOnly(t *testing.T) (coarse bool) {
	t.Helper()
	o.mu.Lock()
	defer o.mu.Unlock()
	o.resumed = true
	return o.begin()
}

// QueueAge is about the time for which processes have waited for Redis. It goes on in the next process, and the time
// between does not count, however long it was.
func TestOnlyTheTimeWaitedMakesEvictionsOld(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal")
	o := withJournal(t, path)
	o.Add(Eviction{}, errLost, keyspace.At("a"))
	o.mu.Lock()
	o.queue.outage.began = time.Now().Add(-40 * time.Minute)
	o.mu.Unlock()
	o.Add(Eviction{}, errLost, keyspace.At("b"))
	o.Close()

	for name, old := range map[string]bool{"an hour": false, "half an hour": true} {
		age := time.Hour
		if old {
			age = 30 * time.Minute
		}
		o = withJournal(t, path, func(c *Config) { c.Age = age })
		require.InDelta(t, 40*time.Minute, o.Stats().PendingFor, float64(time.Minute), name)
		require.Equal(t, old, o.resumeOnly(t), name)
		if !old {
			require.True(t, o.Has("a") && o.Has("b"))
		}
		o.Close()
	}
}

// Evictions that an earlier version has left say only since when they wait. That may include any time in which nothing
// ran.
func TestWhatAnEarlierVersionLeftIsNotOld(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal")
	j := journal.New(path, "n")
	j.Add(journal.Entry{Key: "a", Number: 1, Since: time.Now().Add(-48 * time.Hour)})
	require.NoError(t, j.Close(0))
	o := withJournal(t, path)
	require.False(t, o.resumeOnly(t))
	require.True(t, o.Has("a"))
	o.Close()
}

// With nothing left nothing is evicted, whenever the last process ran.
func TestACleanJournalEvictsNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal")
	o := withJournal(t, path)
	o.Add(Eviction{}, errLost, keyspace.At("a"))
	batches, _, _ := o.due()
	for _, batch := range batches {
		calls := callsOf(batch)
		for _, c := range calls {
			c.Reply = outcome(true).Reply
		}
		o.settle(batch, calls, true)
	}
	require.True(t, o.Empty())
	o.Close()
	o = withJournal(t, path, func(c *Config) { c.Age = 1 })
	require.False(t, o.resumeOnly(t))
	require.True(t, o.Empty())
	o.Close()
}

// What is in a file that can only be used later is queued then, and what waits already stays.
func TestWhatIsFoundLaterIsQueued(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal")
	other := journal.New(path, "n")
	other.Add(journal.Entry{Key: "a", Number: 1, Until: time.Now().Add(time.Hour)})
	require.NoError(t, other.Sync(0))
	o := withJournal(t, path)
	require.False(t, o.Journaled())
	o.Add(Eviction{}, errLost, keyspace.At("b"))
	require.False(t, o.Has("a"))
	require.NoError(t, other.Close(0))
	require.Eventually(t, func() bool { o.keep(); return o.Journaled() }, 5*time.Second, time.Millisecond)
	require.True(t, o.Has("a") && o.Has("b"))
	require.EqualValues(t, 2, o.Len())
	require.Greater(t, time.Until(o.queue.keys["a"].Until), 59*time.Minute)
	o.Close()
	o = withJournal(t, path)
	require.True(t, o.Has("a") && o.Has("b"))
	o.Close()
}

// A fault that comes and goes is logged once a minute.
func TestAFaultIsLoggedOnce(t *testing.T) {
	log := redistest.NewLog(slog.LevelInfo)
	f := file{cfg: &Config{Log: log.Logger(), Journal: "path"}}
	full, locked := errors.New("no space left"), journal.ErrLocked
	for _, err := range []error{nil, full, full, nil, full, nil, locked, full, nil} {
		f.report(err)
	}
	count := func(level slog.Level) int { return len(log.At(level, "aside: the journal of evictions")) }
	require.Equal(t, 2, count(slog.LevelError), "two causes")
	require.Equal(t, 2, count(slog.LevelInfo), "an end for each")
	require.EqualValues(t, 5, f.errors.Load())
	f.told[full.Error()] = time.Now().Add(-2 * quietFor)
	f.report(full)
	require.Equal(t, 3, count(slog.LevelError))
	require.Equal(t, full.Error(), f.trouble())
}

func TestAnEmptyJournalIsToldOfAtTheStartOnly(t *testing.T) {
	var out bytes.Buffer
	path := filepath.Join(t.TempDir(), "journal")
	require.NoError(t, os.WriteFile(path, nil, 0o600))
	o := withJournal(t, path, func(c *Config) { c.Log = slog.New(slog.NewTextHandler(&out, nil)) })
	o.resumeOnly(t)
	require.Equal(t, 1, strings.Count(out.String(), "is an empty file"))
	require.NoError(t, os.Remove(path))
	require.NoError(t, os.WriteFile(path, nil, 0o600))
	o.keep()
	require.True(t, o.Journaled())
	require.Equal(t, 1, strings.Count(out.String(), "is an empty file"))
	o.Close()
}
