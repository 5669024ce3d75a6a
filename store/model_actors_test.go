package store_test

import (
	"context"
	"fmt"
	"time"

	"github.com/jollyjet/aside/internal/entry"
	"github.com/jollyjet/aside/internal/eviction"
	"github.com/jollyjet/aside/store"
)

var mixes = [][]string{
	{"read", "read", "read", "refresh", "ahead", "after", "after", "after", "expire", "give back", "around", "replace", "put"},
	{"read", "read", "after", "after", "refresh", "give back"},
	{"read", "read", "around", "replace", "replace", "after"},
	{"read", "read", "put", "after", "ahead"},
	{"replace", "replace", "after"},
}

// begin starts an actor that does something.
func (m *model) begin(number int) *actor {
	node := []int{0, 0, 1}[m.pick(3)]
	e := m.nodes[node]
	keys := []store.Key{e.Ref.Key, e.st.Tag(m.tag), e.All(), e.st.Everything()}
	key := keys[[]int{0, 0, 0, 1, 1, 2, 3}[m.pick(7)]]
	what := m.mix[m.pick(len(m.mix))]
	if what == "replace" {
		key = e.Ref.Key
	}
	renew, stay := m.pick(2) == 0, time.Duration(max(0, m.pick(4)-2))*time.Second
	a := m.act(number, what, node, key, renew, stay)
	a.unlucky = (m.bad || m.pick(3) == 0) && what != "read"
	a.clears, a.fails = m.pick(4) == 0, m.pick(6) == 0
	return a
}

// act starts an actor.
func (m *model) act(number int, what string, node int, key store.Key, renew bool, stay time.Duration) *actor {
	e := m.nodes[node]
	return m.start(fmt.Sprintf("%d: %s %v on node %d", number, what, key, node), node, func(ctx context.Context, a *actor) {
		switch what {
		case "read":
			m.read(ctx, a, renew)
		case "refresh":
			m.load(ctx, a, renew, m.reading(a), func() (*entry.Lease, entry.Entry, error) { return e.AcquireForce(ctx, &e.Ref) })
		case "ahead":
			m.ahead(ctx, a)
		case "after":
			version := m.write()
			m.evicted(node, version, e.st.Evict(ctx, key))
		case "expire":
			version := m.write()
			m.evicted(node, version, e.st.Engine().Evictor.Expire(ctx, e.Ref.Key))
		case "around":
			m.around(ctx, a, key, false, renew, stay)
		case "replace":
			m.around(ctx, a, key, true, renew, 0)
		case "give back":
			m.looks++
			e.st.Engine().Entries.GiveBackOnce(ctx)
		case "put":
			m.puts++ // it makes no promise about writes at the same time
			_, _ = e.Put(ctx, &e.Ref, entry.Contents{Payload: fmt.Append(nil, m.source), TTL: ttl})
			m.puts--
		}
	})
}

// read is what a decorator does, but that it gives up sooner.
func (m *model) read(ctx context.Context, a *actor, renew bool) {
	e, judge := m.nodes[a.node], m.reading(a)
	seen, err := e.Read(ctx, &e.Ref)
	switch {
	case err != nil || seen.State == entry.Bypass:
	case seen.State == entry.Value:
		judge(seen)
	case seen.State == entry.Stale:
		m.load(ctx, a, renew, judge, func() (*entry.Lease, entry.Entry, error) { return e.AcquireStale(ctx, &e.Ref, seen, true) })
	default:
		m.load(ctx, a, renew, judge, func() (*entry.Lease, entry.Entry, error) { return e.Acquire(ctx, &e.Ref, seen) })
	}
}

// ahead refreshes a value before it is stale.
func (m *model) ahead(ctx context.Context, a *actor) {
	e, judge := m.nodes[a.node], m.reading(a)
	seen, err := e.Read(ctx, &e.Ref)
	if err == nil && seen.State == entry.Value {
		judge(seen)
		m.load(ctx, a, false, m.reading(a), func() (*entry.Lease, entry.Entry, error) { return e.AcquireStale(ctx, &e.Ref, seen, true) })
	}
}

// load acquires a lease, or finds a value, loads and fills, or lets nothing older be there.
func (m *model) load(ctx context.Context, a *actor, renew bool, judge func(entry.Entry), acquire func() (*entry.Lease, entry.Entry, error)) {
	var lease *entry.Lease
	var v entry.Entry
	var err error
	for range 4 {
		if lease, v, err = acquire(); err != nil || v.State != entry.Leased {
			break
		}
		a.pause()
	}
	if err == nil && v.State == entry.Value {
		judge(v)
	}
	if err != nil || lease == nil {
		return
	}
	a.pause()
	loaded := m.source
	a.pause()
	if renew {
		if _, err := lease.RenewOnce(ctx); err != nil {
			m.deserted = true
			return
		}
	}
	if a.fails {
		_, _ = lease.Cooldown(ctx, time.Second)
		return
	}
	late := m.least[a.node]
	if a.clears {
		if confirmed, err := lease.Remove(ctx); err == nil && confirmed {
			m.evicted(a.node, loaded, nil)
		}
		return
	}
	confirmed, err := lease.Store(ctx, entry.Contents{Payload: fmt.Append(nil, loaded), TTL: ttl})
	if err == nil && confirmed && loaded < late {
		m.wrong("%s: version %d is confirmed although %d was evicted meanwhile", a.name, loaded, late)
	}
}

// around writes under a hold. Its process may die when it has written.
func (m *model) around(ctx context.Context, a *actor, key store.Key, replace, renew bool, stay time.Duration) {
	e := m.nodes[a.node]
	start, startErr := e.Before(ctx, &e.Ref)
	began := m.now
	hold, err := e.st.Engine().Evictor.Hold(ctx, key)
	if err == nil {
		m.holders[a] = &holding{until: began.Add(modelHold)}
	}
	a.pause()
	if renew {
		began = m.now
		if err := hold.RenewOnce(ctx); err == nil && m.holders[a] != nil && m.holders[a].until.After(began) {
			m.holders[a].until = began.Add(modelHold)
		}
	}
	version := m.write()
	h := m.holders[a]
	stood := h != nil && h.until.After(m.now)
	if a.pause() == neverSent {
		if delete(m.holders, a); stood {
			m.dead = append(m.dead, holding{h.until, version})
		}
		return
	}
	delete(m.holders, a)
	var replacements []eviction.Replacement
	if replace && startErr == nil {
		replacement, ok := e.Replacement(ctx, &e.Ref, start, entry.Contents{Payload: fmt.Append(nil, version), TTL: ttl})
		if !ok {
			panic("a value without tags of its own was refused")
		}
		replacements = append(replacements, replacement)
	}
	m.evicted(a.node, version, hold.End(ctx, stay, replacements...))
}
