package racelab_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/store"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/bench/racelab"
)

var cycles = flag.Int("cycles", 0, "how often Redis fails in each way; 0: a few times")

// fault is a way in which Redis fails.
type fault struct {
	rdb        func(t *testing.T, node int) redis.UniversalClient
	prepare    func(cycle int)
	fail, mend func(cycle int)
	forgets    bool // it comes back with older data
	slow       bool // a cycle takes seconds, so there is but one if nobody asks for a number
}

var faults = map[string]func(t *testing.T) fault{
	"kill -9 and restart": func(t *testing.T) fault {
		s := redistest.Start(t)
		return fault{
			rdb: func(t *testing.T, _ int) redis.UniversalClient { return s.Client(t) },
			prepare: func(int) {
				_, err := s.Do(t.Context(), "SAVE") // what is cached now comes back
				require.NoError(t, err)
			},
			fail: func(int) { s.Kill() }, mend: func(int) { s.Restart() }, forgets: true,
		}
	},
	"SIGSTOP": func(t *testing.T) fault {
		s := redistest.Start(t)
		return fault{
			rdb:  func(t *testing.T, _ int) redis.UniversalClient { return s.Client(t) },
			fail: func(int) { s.Pause() }, mend: func(int) { s.Resume() },
		}
	},
	"a node is cut off": func(t *testing.T) fault {
		s := redistest.Start(t)
		p := redistest.StartProxy(t, s.Addr())
		return fault{
			rdb: func(t *testing.T, node int) redis.UniversalClient {
				if node > 0 {
					return s.Client(t)
				}
				rdb := redis.NewClient(&redis.Options{Addr: p.Addr()})
				t.Cleanup(func() { _ = rdb.Close() })
				return rdb
			},
			fail: func(int) { p.Cut() }, mend: func(int) { p.Heal() },
		}
	},
	"Sentinel fails over": func(t *testing.T) fault {
		s := redistest.StartSentinel(t)
		var master, replica *redistest.Server
		return fault{
			rdb: func(t *testing.T, _ int) redis.UniversalClient { return s.Client(t) },
			prepare: func(int) {
				rejoin(t, master) // Sentinel makes it a replica
				master, replica = s.Master(), s.Replica()
				lagBehind(t, master, replica)
			},
			fail: func(int) { master.Kill(); replica.Resume() },
			mend: func(int) {
				until(t, "a new master", func() bool { return named(s, replica) })
			},
			forgets: true, slow: true,
		}
	},
	"a Cluster's master fails over": func(t *testing.T) fault {
		c := redistest.StartCluster(t)
		var master, replica *redistest.Server
		return fault{
			rdb: func(t *testing.T, _ int) redis.UniversalClient { return c.Client(t) },
			prepare: func(cycle int) {
				rejoin(t, master)
				master = c.MasterFor(t, fmt.Sprint(cycle))
				replica = c.ReplicaOf(t, master)
				lagBehind(t, master, replica)
			},
			fail:    func(int) { master.Kill(); replica.Resume() },
			mend:    func(int) { c.Failover(t, master) },
			forgets: true, slow: true,
		}
	},
	"slots migrate": func(t *testing.T) fault {
		c := redistest.StartCluster(t)
		masters := c.Nodes()[:3]
		var slots []int
		from, to := map[int]*redistest.Server{}, map[int]*redistest.Server{}
		return fault{
			rdb: func(t *testing.T, _ int) redis.UniversalClient { return c.Client(t) },
			prepare: func(int) {
				slots = slots[:0]
				for i := range 10 {
					key := fmt.Sprintf("%s:{%s%d}", namespaceOf(t), []string{"cell:spot-", "#tag:tag%20of%20spot-"}[i%2], i/2)
					slot := c.Slot(t, key)
					if slices.Contains(slots, slot) {
						continue
					}
					slots, from[slot] = append(slots, slot), c.MasterFor(t, key)
					to[slot] = masters[(slices.Index(masters, from[slot])+1)%len(masters)]
				}
			},
			fail: func(int) {
				for _, slot := range slots {
					c.OpenSlot(t, slot, from[slot], to[slot])
				}
			},
			mend: func(int) {
				for _, slot := range slots {
					c.CloseSlot(t, slot, from[slot], to[slot])
				}
			},
			slow: true,
		}
	},
}

// namespaceOf is the namespace of the test's nodes.
func namespaceOf(t *testing.T) string { return fmt.Sprintf("faults-%d", len(t.Name())) }

// named reports whether all sentinels name the server as the master, and it is one.
func named(s *redistest.Sentinel, master *redistest.Server) bool {
	for _, w := range s.Sentinels() {
		reply, err := w.Do(context.Background(), "SENTINEL", "GET-MASTER-ADDR-BY-NAME", s.MasterName)
		parts, ok := reply.([]any)
		if err != nil || !ok || len(parts) != 2 || fmt.Sprintf("%s:%s", parts...) != master.Addr() {
			return false
		}
	}
	return strings.Contains(info(master), "role:master")
}

// lagBehind has a replica not get any more of what its master is told.
func lagBehind(t *testing.T, master, replica *redistest.Server) {
	replica.Pause()
	_, err := master.Do(t.Context(), "CLIENT", "KILL", "TYPE", "replica")
	require.NoError(t, err)
}

func info(s *redistest.Server) string {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	reply, _ := s.Do(ctx, "INFO", "replication")
	text, _ := reply.(string)
	return text
}

// rejoin brings back a master that was replaced, and waits until it is a replica in good order.
func rejoin(t *testing.T, old *redistest.Server) {
	if old == nil {
		return
	}
	old.Restart()
	until(t, "the replica", func() bool {
		text := info(old)
		return strings.Contains(text, "role:slave") && strings.Contains(text, "master_link_status:up")
	})
}

func until(t *testing.T, what string, done func() bool) {
	t.Helper()
	require.Eventually(t, done, 30*time.Second, 5*time.Millisecond, what)
}

// However Redis fails, whoever reads on the node that has evicted never sees what it had evicted, and when nobody has an
// eviction left to carry out nobody sees it anywhere. That is so two seconds after Redis is back at the latest, unless the
// machine is busy with other tests.
func TestFaults(t *testing.T) {
	for name, start := range faults {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, n := start(t), *cycles
			if n == 0 && f.slow {
				n = 1
			} else if n == 0 {
				n = 2
			}
			stores := make([]*store.Store, 3)
			for i := range stores {
				st, err := store.Open(t.Context(), f.rdb(t, i), store.Namespace(namespaceOf(t)),
					store.Timeout(200*time.Millisecond), store.Logger(slog.New(slog.DiscardHandler)))
				require.NoError(t, err)
				t.Cleanup(func() {
					if err := st.Close(); !errors.Is(err, store.ErrUndrained) {
						require.NoError(t, err)
					}
				})
				stores[i] = st
				until(t, "the feed", func() bool { return st.Stats().Feed.Up })
			}
			restarts := make([]atomic.Int64, len(stores))
			v := racelab.Endure(t.Context(), racelab.Faults{
				Nodes: racelab.Mixed(stores), Cycles: n, Keys: 60, Readers: 9, Slowness: 2 * time.Millisecond,
				Prepare: func(cycle int) {
					if f.prepare != nil {
						f.prepare(cycle)
					}
				},
				Well: 200 * time.Millisecond,
				Fail: func(cycle int) {
					for i, st := range stores {
						restarts[i].Store(st.Stats().Recovery.Restarts)
					}
					f.fail(cycle)
				},
				Away: 200 * time.Millisecond,
				Mend: f.mend,
				Settled: func() bool {
					for i, st := range stores {
						s := st.Stats()
						if s.Pending > 0 || f.forgets && s.Recovery.Restarts == restarts[i].Load() {
							return false
						}
					}
					return true
				},
				Fed: racelab.Fed,
				Report: func(cycle int, c racelab.Recovered) {
					t.Logf("cycle %2d: no eviction left after %4d ms; the last stale read of another node after %d ms",
						cycle+1, c.Settled.Milliseconds(), c.Last.Milliseconds())
				},
			})
			recalled, queued := int64(0), int64(0)
			for _, st := range stores {
				recalled, queued = recalled+st.Stats().Recovery.Recalled, queued+st.Stats().Queued
				require.Zero(t, st.Stats().Panics)
			}
			t.Logf("%d cycles: %s; %d evictions failed at first, %d confirmed ones were repeated", n, v, queued, recalled)
			require.True(t, v.OK(), "%s", v)
			bound := 2 * time.Second
			if *cycles == 0 { // not a run that has the machine for itself
				bound = 15 * time.Second
			}
			require.Less(t, v.Slowest.Settled, bound)
			if f.forgets {
				require.Positive(t, recalled)
			}
		})
	}
}
