package store_test

import (
	"flag"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/store"
)

// tree walks all sequences of choices, depth first.
type tree struct {
	path, limits []int
	at           int
}

func (c *tree) choose(n int) int {
	if n == 1 {
		return 0
	}
	if c.at == len(c.path) {
		c.path, c.limits = append(c.path, 0), append(c.limits, n)
	}
	c.limits[c.at] = n
	c.at++
	return c.path[c.at-1]
}

// next turns to the next sequence. It reports false if there is none.
func (c *tree) next() bool {
	for n := c.at - 1; n >= 0; n-- {
		if c.path[n]+1 < c.limits[n] {
			c.path, c.limits, c.at = append(c.path[:n], c.path[n]+1), c.limits[:n+1], 0
			return true
		}
	}
	return false
}

var largeModels = flag.Bool("model.large", false, "walk through the larger small cases too, in some minutes")

// Small cases, each in every interleaving: one command or two time out, and each is carried out at any later time, on whatever
// is there then; the queues are emptied at any time.
func TestNoSmallInterleavingMakesAReadStale(t *testing.T) {
	mini := redistest.Mini(t)
	rdb := redis.NewClusterClient(&redis.ClusterOptions{Addrs: []string{mini.Addr()}})
	t.Cleanup(func() { require.NoError(t, rdb.Close()) })
	network, namespace, now := &stepper{}, redistest.Unique(t), time.Now()
	var stores []*store.Store
	for range 2 {
		st := open(t, rdb, store.Namespace(namespace), store.Strict(), store.Hooks(network),
			store.LeaseTime(modelLease), store.HoldTime(modelHold), store.BreakAfter(1<<30))
		st.SuspendReplay()
		st.Engine().Entries.SuspendGiveBack()
		stores = append(stores, st)
		warm(t, rdb, st)
	}
	for _, tt := range []struct {
		actors string
		faults int
		large  bool // a minute and more; with -model.large only
	}{
		{"replace, after", 1, false},
		{"put, after", 1, false},
		{"read, after", 1, false},
		{"expire, after", 2, false},
		{"read, expire", 1, false},
		{"replace, after", 2, true},
		{"around, read", 1, true},
		{"put, after tag", 1, true},
	} {
		if tt.large && !*largeModels {
			continue
		}
		t.Run(tt.actors, func(t *testing.T) {
			var tags []string
			if strings.Contains(tt.actors, "tag") {
				tags = []string{"tag"}
			}
			choices, runs, began := &tree{}, 0, time.Now()
			for ok := true; ok; ok = choices.next() {
				runs++
				m := &model{
					modelT: t, stepper: network, choose: choices.choose, mini: mini, rdb: rdb, now: now, tag: "tag",
					least: make([]int, 2), queued: make([]int, 2), holders: make(map[*actor]*holding),
				}
				network.late = nil
				mini.FlushAll()
				for _, st := range stores {
					p := st.Engine().Entries.Cache("cache", schema, ttl)
					m.nodes = append(m.nodes, &testEntry{st: st, Cache: p, Ref: p.Ref(p.Key("k"), tags)})
				}
				m.all(strings.Split(tt.actors, ", "), tt.faults)
				m.settle()
				now = m.now
				if t.Failed() {
					t.Fatalf("run %d: %v", runs, choices.path)
				}
			}
			t.Logf("%d interleavings, %v", runs, time.Since(began))
		})
	}
}

// all lets one actor of each kind run, on a node of its own. So many commands time out at most.
func (m *model) all(kinds []string, faults int) {
	var left []*actor
	for i, kind := range kinds {
		what, on, _ := strings.Cut(kind, " ")
		key := m.nodes[i].Ref.Key
		if on == "tag" {
			key = m.nodes[i].st.Tag(m.tag)
		}
		left = append(left, m.act(i, what, i, key, false, 0))
	}
	for len(left) > 0 {
		var options []func()
		step := func(n int, v verdict) func() {
			return func() {
				a := left[n]
				a.step(v, together)
				for !a.over && !a.command { // what is between two commands takes no time
					a.step(delivered, together)
				}
				if a.over {
					left = append(left[:n:n], left[n+1:]...)
				}
			}
		}
		for n, a := range left {
			options = append(options, step(n, delivered))
			if a.command && faults > 0 {
				late := step(n, tooLate)
				options = append(options, func() { faults--; late() })
			}
		}
		for n := range m.late {
			options = append(options, func() { m.arrive(m.rdb, n) })
		}
		for n, e := range m.nodes {
			if e.st.Stats().Pending > 0 {
				options = append(options, func() { m.replay(n) })
			}
		}
		options[m.pick(len(options))]()
		m.check()
	}
}
