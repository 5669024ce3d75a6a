package store_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
	"pgregory.net/rapid"

	"github.com/jollyjet/aside/internal/entry"
	"github.com/jollyjet/aside/internal/envelope"
	"github.com/jollyjet/aside/store"
)

const (
	modelLease = 3 * time.Second
	modelHold  = 5 * time.Second
)

// model is one entry with a tag, its source, and what reads of it may return.
type model struct {
	modelT
	*stepper
	choose func(n int) int // a number below n
	mini   *miniredis.Miniredis
	rdb    redis.UniversalClient
	nodes  []*testEntry
	now    time.Time
	mix    []string // what actors do
	bad    bool     // commands are late more often

	tag      string
	source   int
	least    []int // on each node: no read that begins now may return an older version
	queued   []int // on each node: what everybody may not read once its queue is empty
	puts     int   // under way: what is evicted now may be put again
	holders  map[*actor]*holding
	dead     []holding
	looks    int  // after leases that may be left behind
	deserted bool // a loader has died, and left its lease
	broken   string
}

// modelT is a test.
type modelT interface {
	Logf(format string, args ...any)
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

// holding is the hold of a writer, between the return of Hold and its End.
type holding struct {
	until   time.Time
	version int // what has been written under it
}

// wrong records the first broken promise; actors can't end the test.
func (m *model) wrong(format string, args ...any) {
	if m.broken == "" {
		m.broken = fmt.Sprintf(format, args...)
	}
}

func (m *model) check() {
	if m.broken != "" {
		m.Fatal(m.broken)
	}
}

// pick picks a number below n.
func (m *model) pick(n int) int { return m.choose(n) }

// drawn picks numbers each with about the same probability, which rapid's integers do not have.
func drawn(t *rapid.T) func(n int) int {
	return func(n int) (k int) {
		for range 6 {
			k *= 2
			if rapid.Bool().Draw(t, "bit") {
				k++
			}
		}
		return k % n
	}
}

func (m *model) write() int { m.source++; return m.source }

// evicted records that the eviction after a write of version has returned.
func (m *model) evicted(node, version int, err error) {
	if m.puts > 0 {
		return
	}
	m.least[node] = max(m.least[node], version)
	if err != nil {
		if !errors.Is(err, store.ErrQueued) {
			m.wrong("evicting: %v", err)
		}
		m.queued[node] = max(m.queued[node], version)
		return
	}
	for i := range m.least {
		m.least[i] = max(m.least[i], version)
	}
}

func (m *model) replay(node int) {
	m.nodes[node].st.ReplayOnce(context.Background())
	if m.nodes[node].st.Stats().Pending == 0 {
		m.evicted(node, m.queued[node], nil)
	}
}

// held returns the writers whose hold stands now.
func (m *model) held() (standing map[*actor]bool) {
	standing = make(map[*actor]bool)
	for a, h := range m.holders {
		standing[a] = h.until.After(m.now)
	}
	return standing
}

// reading begins a read, and returns what judges the value that it finds in the cache.
func (m *model) reading(a *actor) func(entry.Entry) {
	least, held := m.least[a.node], m.held()
	return func(v entry.Entry) {
		var version int
		if _, err := fmt.Sscan(string(v.Payload()), &version); err != nil || version < least {
			m.wrong("%s: version %d although %d had been evicted before", a.name, version, least)
		}
		for w, still := range m.held() {
			if still && held[w] {
				m.wrong("%s: version %d from the cache while %s holds it", a.name, version, w.name)
			}
		}
	}
}

// advance lets time pass. The hold of a writer that died ends, and what it has written is as good as evicted.
func (m *model) advance(d time.Duration) {
	m.now = m.now.Add(d)
	m.mini.SetTime(m.now)
	m.mini.FastForward(d)
	for _, h := range m.dead {
		if !h.until.After(m.now) {
			m.evicted(0, h.version, nil)
		}
	}
}

// lose removes a key, as a Redis without memory does. A hold that is lost protects nothing.
func (m *model) lose() {
	e := m.nodes[0]
	key := []store.Key{e.Ref.Key, e.st.Tag(m.tag), e.All()}[m.pick(3)]
	m.Logf("%v is lost", key)
	clear(m.holders)
	m.dead = nil
	m.mini.Del(key.String())
}

// nobodyIsKeptWaiting looks for leases of loads that are over, and of takes that were not answered. Somebody who has looked
// for one many times does not expect it any more.
func (m *model) nobodyIsKeptWaiting() {
	addr := m.nodes[0].Ref.Addr()
	for _, at := range []string{addr, addr + ":r"} {
		if raw, _ := m.mini.Get(at); envelope.KindOf([]byte(raw)) == envelope.Lease && !m.deserted && m.looks < 5 {
			m.Fatalf("a lease is left under %s", at)
		}
	}
}

// settle looks at what is left when nobody is at work any more.
func (m *model) settle() {
	for node := range m.nodes {
		m.replay(node)
	}
	for len(m.late) > 0 {
		m.arrive(m.rdb, m.pick(len(m.late)))
	}
	for _, e := range m.nodes {
		for e.st.Engine().Entries.GiveBackOnce(context.Background()) > 0 {
		}
	}
	m.nobodyIsKeptWaiting()
	look := func() {
		for node, e := range m.nodes {
			v, err := e.Read(context.Background(), &e.Ref)
			if err != nil {
				m.Fatal(err)
			}
			if v.State == entry.Value {
				m.reading(&actor{name: "after all", node: node})(v)
				m.check()
			}
		}
	}
	look()
	m.advance(2 * modelHold)
	look()
	e := m.nodes[0]
	lease, v, err := e.Acquire(context.Background(), &e.Ref, entry.Entry{})
	if err != nil || lease == nil && v.State != entry.Value && v.State != entry.Stale {
		m.Fatalf("no load can be stored: %s (%v)", words(v), err)
	}
}
