package outbox

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
	"github.com/jollyjet/aside/internal/keyspace"
	"github.com/jollyjet/aside/internal/lifecycle"
	"github.com/jollyjet/aside/internal/wire"
)

const everything = "n:{#everything}"

// bare is an outbox that repeats nothing by itself.
func bare(t require.TestingT, change func(*Config)) *Outbox {
	log := slog.New(slog.DiscardHandler)
	cfg := Config{
		Namespace: "n", Everything: everything, Log: log, Life: lifecycle.New(log), Limit: 100_000, Age: time.Hour, Remember: time.Minute,
		Changed: func(string) {},
	}
	change(&cfg)
	o := New(cfg)
	o.replaying = true
	require.NoError(t, o.Open())
	return o
}

var errLost = errors.New("lost")

// outcome is a call that was carried out, or was not.
func outcome(ok bool) *wire.Call {
	c := &wire.Call{Reply: redis.NewCmd(context.Background())}
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

	together, whole bool
}

// Whatever is queued, repeated, confirmed, lost by Redis and written to the journal, in whatever order: as long as an
// eviction is not carried out by the Redis of now, this node does not read the key; and the journal has it.
func TestEvictionsAreNeverForgotten(t *testing.T) {
	dir, runs := t.TempDir(), 0
	rapid.Check(t, func(t *rapid.T) {
		runs++
		o := bare(t, func(c *Config) {
			if c.Limit = 3; runs%4 == 0 { // which takes time
				c.Journal = filepath.Join(dir, fmt.Sprint(runs))
			}
		})
		w := world{map[string]int{}, map[string]int{}, map[string]int{}}
		var under []sent
		all := []string{"a", "b", "c", "d", "e", everything}
		keys := rapid.SampledFrom(all)
		blocked := func(addr string) bool { return o.Has(addr) || o.Has(everything) }
		t.Repeat(map[string]func(*rapid.T){
			"fails": func(t *rapid.T) {
				addr := keys.Draw(t, "key")
				w.asked[addr]++
				o.Add(Eviction{Together: rapid.Bool().Draw(t, "together")}, errLost, keyspace.At(addr))
			},
			"is confirmed": func(t *rapid.T) {
				addr := keys.Draw(t, "key")
				w.asked[addr]++
				w.done[addr] = w.asked[addr]
				o.Confirmed([]keyspace.Key{keyspace.At(addr)}, []*wire.Call{outcome(true)}, o.DataEpoch(), Eviction{})
			},
			"is confirmed by the Redis of before": func(t *rapid.T) {
				addr := keys.Draw(t, "key")
				w.asked[addr]++
				if epoch := o.DataEpoch(); epoch > 0 {
					o.Confirmed([]keyspace.Key{keyspace.At(addr)}, []*wire.Call{outcome(true)}, epoch-1, Eviction{})
				} else {
					o.Add(Eviction{}, errLost, keyspace.At(addr))
				}
			},
			"is sent": func(*rapid.T) {
				batches, together, whole := o.due()
				for _, batch := range batches {
					under = append(under, sent{batch, maps.Clone(w.asked), o.DataEpoch(), false, true})
				}
				if len(together) > 0 {
					under = append(under, sent{together, maps.Clone(w.asked), o.DataEpoch(), true, whole})
				}
			},
			"is answered": func(t *rapid.T) {
				if len(under) == 0 {
					t.Skip("nothing is on its way")
				}
				i := rapid.IntRange(0, len(under)-1).Draw(t, "which")
				s := under[i]
				under = slices.Delete(under, i, i+1)
				calls, final := make([]*wire.Call, len(s.batch)), s.whole
				for i, r := range s.batch {
					ok := rapid.Bool().Draw(t, "ok")
					calls[i], final = outcome(ok), final && (ok || !s.together)
					if !ok || s.epoch != o.DataEpoch() {
						continue // if it was carried out, then by the Redis of before
					}
					for _, addr := range all {
						if addr == r.addr || r.addr == everything {
							w.done[addr] = max(w.done[addr], s.covers[addr])
						}
					}
				}
				o.carriedOut(s.batch, calls, final)
			},
			"Redis saves": func(*rapid.T) { w.saved = maps.Clone(w.done) },
			"Redis comes back": func(*rapid.T) {
				w.done = maps.Clone(w.saved)
				o.Recall()
			},
			"the journal is renamed": func(t *rapid.T) {
				if !o.Journaled() {
					t.Skip("without a journal")
				}
				require.NoError(t, os.Rename(o.cfg.Journal, o.cfg.Journal+".1"))
				o.keep()
			},
			"the process dies": func(t *rapid.T) {
				if !o.Journaled() {
					t.Skip("without a journal")
				}
				o.keep()
				waits := journaled(t, o)
				for _, addr := range all {
					if w.done[addr] < w.asked[addr] {
						require.True(t, waits[addr] || waits[everything], "%s is not in the journal", addr)
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
				require.LessOrEqual(t, len(o.queue.keys), 3+1)
				require.LessOrEqual(t, o.history.n, 3+1)
			},
		})
		o.Close()
	})
}

// journaled is what another process would find if this one died now.
func journaled(t *rapid.T, o *Outbox) map[string]bool {
	raw, err := os.ReadFile(o.cfg.Journal)
	require.NoError(t, err)
	left := o.cfg.Journal + ".left"
	require.NoError(t, os.WriteFile(left, raw, 0o600))
	j := journal.New(left, o.cfg.Namespace)
	require.NoError(t, j.Sync(0))
	found, _ := j.Left()
	require.False(t, found.Damaged)
	require.NoError(t, j.Close(0))
	keys := map[string]bool{}
	for _, e := range found.Entries {
		keys[e.Key] = true
	}
	return keys
}

// Evictions are remembered for the time asked for, counted back from when all masters were last found to be well.
func TestWhatIsRememberedIsForgottenOnlyWhileAllIsWell(t *testing.T) {
	o := bare(t, func(c *Config) { c.Remember = 80 * time.Millisecond })
	confirm := func(addr string) {
		o.Confirmed([]keyspace.Key{keyspace.At(addr)}, []*wire.Call{outcome(true)}, 0, Eviction{})
	}
	confirm("a")
	ended := o.history.periods[0].ended
	o.Reviewed(ended.Add(79 * time.Millisecond))
	require.Equal(t, 1, o.history.n)
	time.Sleep(20 * time.Millisecond) // longer than an age, so that the next one begins another
	confirm("a")
	confirm("b")
	require.Equal(t, 3, o.history.n, "a in two ages")
	o.Reviewed(ended.Add(85 * time.Millisecond))
	require.Equal(t, 2, o.history.n)
	require.Zero(t, o.recallable(t))
}

// recallable checks that both keys are recalled, and nothing is left to be.
func (o *Outbox) recallable(t *testing.T) int {
	o.replaying = true
	require.Equal(t, 2, o.Recall())
	require.True(t, o.Has("a") && o.Has("b"))
	return o.history.n
}

func TestOfTwoHoldsTheLongerOneCounts(t *testing.T) {
	o := bare(t, func(c *Config) { c.Limit = 2 })
	soon, late := time.Now().Add(time.Minute), time.Now().Add(time.Hour)
	o.Add(Eviction{Until: late}, errLost, keyspace.At("a"))
	o.Add(Eviction{Until: soon}, errLost, keyspace.At("a"))
	o.Add(Eviction{}, errLost, keyspace.At("a"))
	require.Equal(t, late, o.queue.keys["a"].Until)
	o.Add(Eviction{}, errLost, keyspace.At("b"), keyspace.At("c"))
	require.Equal(t, late, o.queue.keys[everything].Until, "everything is held for as long")
	require.Len(t, o.queue.keys, 1)
}
