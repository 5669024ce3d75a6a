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
// leases and holds expire, and the network loses commands and replies or carries commands out late: no read that begins
// after an eviction returns what was there before, nothing is served from the cache while it is held, and nothing is
// stale when all is over.
func TestNoInterleavingMakesAReadStale(t *testing.T) {
	mini := redistest.Mini(t)
	rdb := redis.NewClusterClient(&redis.ClusterOptions{Addrs: []string{mini.Addr()}})
	t.Cleanup(func() { require.NoError(t, rdb.Close()) })
	network := &stepper{}
	namespace, now, run := redistest.Unique(t), time.Now(), 0
	var stores []*store.Store
	for range 2 {
		st := open(t, rdb, store.Namespace(namespace), store.Strict(), store.Hooks(network), store.LeaseTime(modelLease), store.HoldTime(modelHold))
		st.SuspendReplay()
		stores = append(stores, st)
		warm(t, rdb, st)
	}
	rapid.Check(t, func(t *rapid.T) {
		run++
		m := &model{
			T: t, stepper: network, mini: mini, rdb: rdb, now: now, tag: fmt.Sprint("tag ", run),
			least: make([]int, 2), queued: make([]int, 2), holders: make(map[*actor]*holding),
		}
		network.late = nil
		for _, st := range stores {
			p := st.Space("cache", schema, ttl)
			m.nodes = append(m.nodes, &entry{st: st, Space: p, Ref: p.Ref(p.Key(fmt.Sprint(run)), []string{m.tag})})
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
	most, calm := 2+m.pick(3), m.pick(2) == 0
	for i := range 20 + m.pick(60) {
		action := m.pick(24)
		if calm {
			action = max(action, 4)
		}
		switch {
		case action == 0:
			d := time.Duration(1+m.pick(4)) * time.Second
			m.Logf("%v pass", d)
			m.advance(d)
		case action == 1:
			m.lose()
		case action == 2:
			m.replay(m.pick(2))
		case action == 3:
			m.Logf("put %d", m.source)
			m.put(m.pick(2))
		case action == 4 && len(m.late) > 0:
			m.Logf("late: %.40q", fmt.Sprint(m.late[0].Args()...))
			m.arrive(m.rdb, 0)
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
		m.check()
	}
}

// steps lets an actor go on for a while, and reports whether it is done.
func (m *model) steps(a *actor) bool {
	for range 1 + m.pick(8) {
		v := delivered
		if a.unlucky && a.command {
			v = max(delivered, verdict(m.pick(6)-2))
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

func (m *model) check() {
	if m.broken != "" {
		m.Fatal(m.broken)
	}
}

// lose removes a key, as a Redis without memory does.
func (m *model) lose() {
	e := m.nodes[0]
	key := []store.Key{e.Ref.Key, e.st.Tag(m.tag), e.All()}[m.pick(3)]
	m.Logf("%v is lost", key)
	clear(m.holders) // as far as is known
	m.mini.Del(key.String())
}

// settle looks at what is left when nobody is at work any more.
func (m *model) settle() {
	for node := range m.nodes {
		m.replay(node)
	}
	for len(m.late) > 0 {
		m.arrive(m.rdb, 0)
	}
	for _, e := range m.nodes {
		if v, err := e.Read(context.Background(), &e.Ref); err != nil || v.State == store.Value && string(v.Payload()) != fmt.Sprint(m.source) {
			m.Fatalf("%s (%v) is left, but the source has %d", words(v), err, m.source)
		}
	}
	m.advance(2 * modelHold)
	e := m.nodes[0]
	claim, v, err := e.Acquire(context.Background(), &e.Ref, store.View{})
	if err != nil || claim == nil && v.State != store.Value {
		m.Fatalf("no load can be stored: %s (%v)", words(v), err)
	}
}
