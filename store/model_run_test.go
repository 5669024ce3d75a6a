package store_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/store"
)

// However readers, refreshes and writers on two nodes take turns, command by command, and although keys get lost,
// leases and holds expire, writers die, and the network loses commands and replies or carries commands out late: no
// read that begins after an eviction returns what was there before, no load is confirmed that began before one, nothing
// is served from the cache while it is held, and nothing is stale when all is over.
func TestNoInterleavingMakesAReadStale(t *testing.T) {
	mini := redistest.Mini(t)
	rdb := redis.NewClusterClient(&redis.ClusterOptions{Addrs: []string{mini.Addr()}})
	t.Cleanup(func() { require.NoError(t, rdb.Close()) })
	network := &stepper{}
	namespace, now, run := redistest.Unique(t), time.Now(), 0
	var stores []*store.Store
	for range 2 {
		st := open(t, rdb, store.Namespace(namespace), store.Strict(), store.Hooks(network),
			store.LeaseTime(modelLease), store.HoldTime(modelHold), store.BreakAfter(1<<30))
		st.SuspendReplay()
		st.Engine().Entries.SuspendGiveBack()
		stores = append(stores, st)
		warm(t, rdb, st)
	}
	rapid.Check(t, func(t *rapid.T) {
		run++
		m := &model{
			modelT: t, stepper: network, choose: drawn(t), mini: mini, rdb: rdb, now: now, tag: fmt.Sprint("tag ", run),
			least: make([]int, 2), queued: make([]int, 2), holders: make(map[*actor]*holding),
		}
		network.late = nil
		for _, st := range stores { // what a failed run has left
			for st.ReplayOnce(context.Background()) > 0 {
			}
			for st.Engine().Entries.GiveBackOnce(context.Background()) > 0 {
			}
		}
		mini.FlushAll()
		for _, st := range stores {
			p := st.Engine().Entries.Cache("cache", schema, ttl)
			m.nodes = append(m.nodes, &testEntry{st: st, Cache: p, Ref: p.Ref(p.Key(fmt.Sprint(run)), []string{m.tag})})
		}
		m.run()
		m.settle()
		now = m.now
	})
}

// warm makes Redis know all scripts, so that none takes two steps.
func warm(t *testing.T, rdb redis.UniversalClient, st *store.Store) {
	e := entryOf(t, rdb, st, "warm", "tag")
	e.load("one")
	e.put("two")
	e.end(e.hold(e.Ref.Key))
	e.evict(e.Ref.Key)
}

// run lets actors come and go.
func (m *model) run() {
	var actors []*actor
	m.mix = mixes[m.pick(len(mixes))]
	most, calm := 2+m.pick(3), m.pick(2) == 0
	m.bad = m.pick(3) == 0
	for i := range 20 + m.pick(60) {
		action := m.pick(24)
		if calm {
			action = max(action, 3)
		}
		switch {
		case action == 0:
			d := time.Duration(1+m.pick(4)) * time.Second
			m.Logf("%v pass", d)
			m.advance(d)
		case action == 1:
			m.lose()
		case action == 2:
			m.Logf("a replay")
			m.replay(m.pick(2))
		case action == 3 && len(m.late) > 0:
			n := m.pick(len(m.late))
			m.Logf("late: %.40q", fmt.Sprint(m.late[n].Args()...))
			m.arrive(m.rdb, n)
		case len(actors) == 0 || action <= 12 && len(actors) < most:
			actors = append(actors, m.begin(i))
		default:
			n := m.pick(len(actors))
			if m.steps(actors[n]) {
				actors = append(actors[:n], actors[n+1:]...)
			}
		}
		m.check()
	}
	for _, a := range actors {
		for !a.over {
			a.step(delivered, 0)
		}
		m.Logf("%s ends", a.name)
		m.check()
	}
}

// steps lets an actor go on for a while, and reports whether it is done.
func (m *model) steps(a *actor) bool {
	for range 1 + m.pick(8) {
		v := delivered
		if a.unlucky {
			v = max(delivered, verdict(m.pick(6)-2))
			if m.bad && v != delivered {
				v = tooLate
			}
		}
		m.Logf("%s goes on, %v", a.name, v)
		if a.step(v, m.pick(2*together)); a.over {
			m.Logf("%s is done", a.name)
			return true
		}
		m.check()
		if !a.command {
			break // the work between the commands takes long
		}
	}
	return false
}
