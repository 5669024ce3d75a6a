package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/jollyjet/aside/internal/journal"
	"github.com/jollyjet/aside/internal/redistest"
)

// bare is a store whose queue carries nothing out by itself.
func bare(t testing.TB, options ...Option) *Store {
	t.Helper()
	rdb := redis.NewClient(&redis.Options{Addr: redistest.Mini(t).Addr()})
	st, err := Open(t.Context(), rdb, append([]Option{Namespace("n"), Logger(slog.New(slog.DiscardHandler))}, options...)...)
	require.NoError(t, err)
	t.Cleanup(func() { _, _ = st.Close(), rdb.Close() })
	st.evictions.replaying = true
	return st
}

var errLost = errors.New("lost")

// outcome is a call that was carried out, or was not.
func outcome(ok bool) *call {
	c := &call{Reply: redis.NewCmd(context.Background())}
	if !ok {
		c.Reply.SetErr(errLost)
	}
	return c
}

// world is what a model knows: which evictions were asked for, and which the Redis of now has carried out.
type world struct {
	asked map[string]int // how often each key was to be evicted
	done  map[string]int // how many of these were carried out by the Redis of now, or not lost by it
	saved map[string]int // ... by the state that it comes back with
}

// sent is a batch of repetitions on its way, and what it will have carried out.
type sent struct {
	batch  []repetition
	covers map[string]int
	epoch  uint64
}

// Whatever is queued, repeated, confirmed, lost by Redis and written to the journal, in whatever order: as long as an
// eviction is not carried out by the Redis of now, this node does not read the key; and the journal has it.
func TestEvictionsAreNeverForgotten(t *testing.T) {
	dir, runs := t.TempDir(), 0
	st := bare(t, QueueLimit(3))
	rapid.Check(t, func(t *rapid.T) {
		runs++
		q := &queue{st: st, wake: make(chan struct{}, 1), replaying: true}
		if st.cfg.journal = ""; runs%4 == 0 { // which takes time
			st.cfg.journal = filepath.Join(dir, fmt.Sprint(runs))
		}
		require.NoError(t, q.openJournal())
		w := world{map[string]int{}, map[string]int{}, map[string]int{}}
		var under []sent
		all := []string{"a", "b", "c", "d", "e", st.everything.key.addr}
		keys := rapid.SampledFrom(all)
		blocked := func(addr string) bool { return q.has(addr) || q.has(st.everything.key.addr) }
		t.Repeat(map[string]func(*rapid.T){
			"fails": func(t *rapid.T) {
				addr := keys.Draw(t, "key")
				w.asked[addr]++
				q.add(eviction{}, errLost, Key{addr: addr})
			},
			"is confirmed": func(t *rapid.T) {
				addr := keys.Draw(t, "key")
				w.asked[addr]++
				w.done[addr] = w.asked[addr]
				q.confirmed([]Key{{addr: addr}}, []*call{outcome(true)}, q.epoch.Load(), eviction{})
			},
			"is confirmed by the Redis of before": func(t *rapid.T) {
				addr := keys.Draw(t, "key")
				w.asked[addr]++
				if epoch := q.epoch.Load(); epoch > 0 {
					q.confirmed([]Key{{addr: addr}}, []*call{outcome(true)}, epoch-1, eviction{})
				} else {
					q.add(eviction{}, errLost, Key{addr: addr})
				}
			},
			"is sent": func(*rapid.T) {
				for _, batch := range q.batches() {
					under = append(under, sent{batch, maps.Clone(w.asked), q.epoch.Load()})
				}
			},
			"is answered": func(t *rapid.T) {
				if len(under) == 0 {
					t.Skip("nothing is on its way")
				}
				i := rapid.IntRange(0, len(under)-1).Draw(t, "which")
				s := under[i]
				under = slices.Delete(under, i, i+1)
				calls := make([]*call, len(s.batch))
				for i, r := range s.batch {
					ok := rapid.Bool().Draw(t, "ok")
					calls[i] = outcome(ok)
					if !ok || s.epoch != q.epoch.Load() {
						continue // if it was carried out, then by the Redis of before
					}
					for _, addr := range all {
						if addr == r.addr || r.addr == st.everything.key.addr {
							w.done[addr] = max(w.done[addr], s.covers[addr])
						}
					}
				}
				q.settled(s.batch, calls)
			},
			"Redis saves": func(*rapid.T) { w.saved = maps.Clone(w.done) },
			"Redis comes back": func(*rapid.T) {
				w.done = maps.Clone(w.saved)
				q.recall()
			},
			"the process dies": func(t *rapid.T) {
				if q.journal == nil {
					t.Skip("without a journal")
				}
				waits := journaled(t, q)
				for _, addr := range all {
					if w.done[addr] < w.asked[addr] {
						require.True(t, waits[addr] || waits[st.everything.key.addr], "%s is not in the journal", addr)
					}
				}
			},
			"": func(t *rapid.T) {
				for _, addr := range all {
					if w.done[addr] == w.asked[addr] {
						continue
					}
					require.True(t, blocked(addr), "%s is read, although %d of %d evictions are carried out", addr, w.done[addr], w.asked[addr])
				}
				require.LessOrEqual(t, len(q.keys), 3+1)
				require.LessOrEqual(t, q.done.n, 3+1)
			},
		})
		q.closeJournal()
	})
}

// journaled is what another process would find if this one died now.
func journaled(t *rapid.T, q *queue) map[string]bool {
	raw, err := os.ReadFile(q.st.cfg.journal)
	require.NoError(t, err)
	left := q.st.cfg.journal + ".left"
	require.NoError(t, os.WriteFile(left, raw, 0o600))
	j, entries, damaged, err := journal.Open(left, q.st.cfg.namespace)
	require.NoError(t, err)
	require.False(t, damaged)
	require.NoError(t, j.Close())
	keys := map[string]bool{}
	for _, e := range entries {
		keys[e.Key] = true
	}
	return keys
}

// Evictions are remembered for the time asked for, counted back from when all masters were last found to be well.
func TestWhatIsRememberedIsForgottenOnlyWhileAllIsWell(t *testing.T) {
	st := bare(t, Remember(80*time.Millisecond))
	q := &queue{st: st}
	confirm := func(addr string) { q.confirmed([]Key{{addr: addr}}, []*call{outcome(true)}, 0, eviction{}) }
	confirm("a")
	ended := q.done.ages[0].ended
	q.reviewed(ended.Add(79 * time.Millisecond))
	require.Equal(t, 1, q.done.n)
	time.Sleep(20 * time.Millisecond) // longer than an age, so that the next one begins another
	confirm("a")
	confirm("b")
	require.Equal(t, 3, q.done.n, "a in two ages")
	q.reviewed(ended.Add(85 * time.Millisecond))
	require.Equal(t, 2, q.done.n)
	require.Zero(t, q.recallable(t))
}

// recallable checks that both keys are recalled, and nothing is left to be.
func (q *queue) recallable(t *testing.T) int {
	q.replaying = true
	require.Equal(t, 2, q.recall())
	require.True(t, q.has("a") && q.has("b"))
	return q.done.n
}

func TestOfTwoHoldsTheLongerOneCounts(t *testing.T) {
	st := bare(t, QueueLimit(2))
	q := &queue{st: st, replaying: true}
	soon, late := time.Now().Add(time.Minute), time.Now().Add(time.Hour)
	q.add(eviction{until: late}, errLost, Key{addr: "a"})
	q.add(eviction{until: soon}, errLost, Key{addr: "a"})
	q.add(eviction{}, errLost, Key{addr: "a"})
	require.Equal(t, late, q.keys["a"].until)
	q.add(eviction{}, errLost, Key{addr: "b"}, Key{addr: "c"})
	require.Equal(t, late, q.keys[st.everything.key.addr].until, "everything is held for as long")
	require.Len(t, q.keys, 1)
}
