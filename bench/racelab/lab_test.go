package racelab_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/jollyjet/aside/cacheable"
	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/store"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/bench/racelab"
)

var rounds = flag.Int("rounds", 40, "rounds of each race")

func TestMain(m *testing.M) { redistest.Main(m) }

func open(t *testing.T, rdb redis.UniversalClient, n int, options ...store.Option) []*store.Store {
	t.Helper()
	namespace := redistest.Unique(t)
	stores := make([]*store.Store, n)
	for i := range stores {
		st, err := store.Open(t.Context(), rdb, append([]store.Option{
			store.Namespace(namespace), store.Timeout(5 * time.Second), store.Logger(slog.New(slog.DiscardHandler)),
		}, options...)...)
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, st.Close()) })
		stores[i] = st
	}
	return stores
}

// Two nodes of which one evicts, and three that all evict, in every mode: no read is stale, no key stays stale, and
// every history could be that of a single register.
func TestRace(t *testing.T) {
	for _, nodes := range []int{2, 3} {
		for _, mode := range racelab.Modes {
			t.Run(fmt.Sprintf("%s/%d nodes", mode, nodes), func(t *testing.T) {
				redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
					v := racelab.Run(t.Context(), racelab.Config{
						Nodes: racelab.Aside(mode, open(t, rdb, nodes, mode.Options()...)), Writers: max(1, nodes*(nodes-2)),
						Rounds: roundsOf(t, mode), Keys: 8, Writes: 5, Readers: 16, Slowness: 3 * time.Millisecond, Check: true,
					})
					t.Log(v)
					require.True(t, v.OK(), "%s", v)
					require.Positive(t, v.Reads)
				})
			})
		}
	}
}

// roundsOf spares miniredis, which takes ten times as long as Redis for the scripts of tags of values.
func roundsOf(t *testing.T, mode racelab.Mode) int {
	if len(mode.Options()) > 0 && strings.HasSuffix(t.Name(), "/miniredis") {
		return max(1, *rounds/10)
	}
	return *rounds
}

// With a near tier the node that evicts is as strict as without; others may be behind by what the feed needs, or by a
// second where there is none.
func TestRaceNear(t *testing.T) {
	race(t, cacheable.Near(1000, time.Hour))
}

// Without a near tier only the tags of values may be behind.
func TestRaceRelaxed(t *testing.T) { race(t) }

func race(t *testing.T, options ...cacheable.Option) {
	for _, mode := range racelab.Modes {
		t.Run(string(mode), func(t *testing.T) {
			redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
				stores := open(t, rdb, 2)
				bound := 5 * time.Second // far more than the feed takes on a busy machine, far less than a value would live
				if !stores[1].Stats().Feed.Up {
					bound = 1100 * time.Millisecond
				}
				v := racelab.Run(t.Context(), racelab.Config{
					Nodes:   racelab.Aside(mode, stores, options...),
					Writers: 1, Rounds: max(1, *rounds/4), Keys: 8, Writes: 5, Readers: 16, Slowness: 3 * time.Millisecond, Bound: bound,
				})
				t.Log(v)
				require.True(t, v.OK(), "%s", v)
			})
		})
	}
}

// The lab notices what it is there to notice: a cache that gets, loads, sets and deletes, as most do, fails it.
func TestTheLabSeesStaleReads(t *testing.T) {
	rdb := redis.NewClient(&redis.Options{Addr: redistest.Mini(t).Addr()})
	t.Cleanup(func() { require.NoError(t, rdb.Close()) })
	naive := func(s racelab.Source) []racelab.Node {
		n := racelab.Node{
			Get: func(ctx context.Context, key string) (int64, error) {
				v, err := rdb.Get(ctx, key).Int64()
				if !errors.Is(err, redis.Nil) {
					return v, err
				}
				if v, err = s.Load(ctx, key); err != nil {
					return 0, err
				}
				return v, rdb.Set(ctx, key, v, time.Hour).Err()
			},
			Write: func(ctx context.Context, w racelab.Write) (int64, error) {
				v, _ := s.Store(ctx, w)
				return v, rdb.Del(ctx, w.Key).Err()
			},
		}
		return []racelab.Node{n, n}
	}
	v := racelab.Run(t.Context(), racelab.Config{
		Nodes: naive, Writers: 1, Rounds: 20, Keys: 8, Writes: 5, Readers: 16, Slowness: 3 * time.Millisecond, Check: true,
	})
	t.Log(v)
	require.Positive(t, v.StaleReads)
	require.Positive(t, v.StaleKeys)
	require.Positive(t, v.Nonlinear)
	require.Zero(t, v.Errors)
}
