package store_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
	"pgregory.net/rapid"

	"github.com/jollyjet/aside/store"
)

const (
	modelLease = 3 * time.Second
	modelHold  = 5 * time.Second
)

// model is one entry with a tag, its source, and what reads of it may return.
type model struct {
	*rapid.T
	*stepper
	mini  *miniredis.Miniredis
	rdb   redis.UniversalClient
	nodes []*entry
	now   time.Time

	tag     string
	source  int
	least   []int // on each node: no read that begins now may return an older version
	queued  []int // on each node: what everybody may not read once its queue is empty
	holders map[*actor]*holding
	broken  string
}

// wrong records the first broken promise; actors can't end the test.
func (m *model) wrong(format string, args ...any) {
	if m.broken == "" {
		m.broken = fmt.Sprintf(format, args...)
	}
}

// holding is a writer between the return of Hold and its End.
type holding struct {
	keys  []store.Key
	until time.Time
}

// written records that the eviction after a write of version has returned.
func (m *model) written(node, version int, err error) {
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
		m.written(node, m.queued[node], nil)
	}
}

func (m *model) write() int { m.source++; return m.source }

// held reports the writers whose hold stands now.
func (m *model) held() (standing map[*actor]bool) {
	standing = make(map[*actor]bool)
	for a, h := range m.holders {
		standing[a] = h.until.After(m.now)
	}
	return standing
}

// read is what a decorator does, without waiting for others.
func (m *model) read(ctx context.Context, a *actor, refresh, renew bool) {
	e, least, held := m.nodes[a.node], m.least[a.node], m.held()
	returned := func(v store.View) {
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
	v, err := e.Read(ctx, &e.Ref)
	if err != nil || v.State == store.Held {
		return
	}
	if v.State == store.Value && !refresh {
		returned(v)
		return
	}
	acquire := func() (*store.Claim, store.View, error) { return e.Acquire(ctx, &e.Ref, v) }
	if refresh {
		acquire = func() (*store.Claim, store.View, error) { return e.AcquireOver(ctx, &e.Ref) }
	}
	var claim *store.Claim
	for range 4 {
		if claim, v, err = acquire(); err != nil || v.State != store.Leased {
			break
		}
		a.pause()
	}
	if v.State == store.Value {
		returned(v)
	}
	if err != nil || claim == nil {
		return
	}
	a.pause()
	loaded := m.source
	a.pause()
	if renew {
		if _, err := claim.Renew(ctx); err != nil {
			return
		}
	}
	late := m.least[a.node]
	confirmed, err := claim.Fill(ctx, store.Result{Payload: fmt.Append(nil, loaded), TTL: ttl})
	if err == nil && confirmed && loaded < late {
		m.wrong("%s: version %d is confirmed although %d was evicted meanwhile", a.name, loaded, late)
	}
}

// after writes and then evicts.
func (m *model) after(ctx context.Context, a *actor, keys []store.Key) {
	version := m.write()
	m.written(a.node, version, m.nodes[a.node].st.Evict(ctx, keys...))
}

// around writes under a hold.
func (m *model) around(ctx context.Context, a *actor, keys []store.Key, replace, renew bool, stay time.Duration) {
	e := m.nodes[a.node]
	start, startErr := e.Start(ctx, &e.Ref)
	began := m.now
	hold, err := e.st.Hold(ctx, keys...)
	if err == nil {
		m.holders[a] = &holding{keys, began.Add(modelHold)}
	}
	a.pause()
	if renew {
		began = m.now
		if hold.Renew(ctx) == nil && m.holders[a] != nil && m.holders[a].until.After(began) {
			m.holders[a].until = began.Add(modelHold)
		}
	}
	version := m.write()
	a.pause()
	delete(m.holders, a)
	var replacements []store.Replacement
	if replace && startErr == nil {
		replacements = append(replacements, e.Replacement(&e.Ref, start, store.Result{Payload: fmt.Append(nil, version), TTL: ttl}))
	}
	m.written(a.node, version, hold.End(ctx, stay, replacements...))
}

// put stores what the source says, in one step: it makes no promise about writes at the same time.
func (m *model) put(node int) {
	e := m.nodes[node]
	if _, err := e.Put(context.Background(), &e.Ref, store.Result{Payload: fmt.Append(nil, m.source), TTL: ttl}); err != nil {
		m.wrong("put: %v", err)
	}
}

// pick picks a number below n, each with about the same probability, which rapid's integers do not have.
func (m *model) pick(n int) (k int) {
	for range 6 {
		k *= 2
		if rapid.Bool().Draw(m.T, "bit") {
			k++
		}
	}
	return k % n
}

// begin starts an actor that does something.
func (m *model) begin(number int) *actor {
	node := []int{0, 0, 1}[m.pick(3)]
	e := m.nodes[node]
	targets := []store.Key{e.Ref.Key, e.st.Tag(m.tag), e.All(), e.st.Everything()}
	key := []int{0, 0, 0, 1, 1, 2, 3}[m.pick(7)]
	what := []string{"read", "read", "read", "refresh", "after", "after", "after", "around", "replace"}[m.pick(9)]
	name := fmt.Sprintf("%s %d of %v on node %d", what, number, targets[key], node)
	renew, stay := m.pick(2) == 0, time.Duration(max(0, m.pick(4)-2))*time.Second
	a := m.start(name, node, func(ctx context.Context, a *actor) {
		switch what {
		case "read", "refresh":
			m.read(ctx, a, what == "refresh", renew)
		case "after":
			m.after(ctx, a, targets[key:key+1])
		case "around":
			m.around(ctx, a, targets[key:key+1], false, renew, stay)
		case "replace":
			m.around(ctx, a, targets[:1], true, renew, 0)
		}
	})
	a.unlucky = m.pick(3) == 0 && what != "read"
	return a
}

func (m *model) advance(d time.Duration) {
	m.now = m.now.Add(d)
	m.mini.SetTime(m.now)
	m.mini.FastForward(d)
}
