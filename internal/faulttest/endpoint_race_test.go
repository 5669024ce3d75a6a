package faulttest

import (
	"context"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/jollyjet/aside/cacheable"
	"github.com/jollyjet/aside/evict"
	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/store"
)

// endpointRace is two nodes behind an endpoint. Both read, and the first one writes to the source and evicts.
type endpointRace struct {
	spots  []*endpointSpot
	names  map[string]*endpointSpot
	stores []*store.Store
	caches []*cacheable.Cacheable[string, int64]

	began    time.Time
	switched atomic.Int64 // when the address led to another server; 0: not yet
	over     atomic.Bool

	writes    atomic.Int64
	reads     [2]atomic.Int64
	stale     [2]atomic.Int64
	late      [2]atomic.Int64 // stale reads that began too late to be excused
	lateStale [2]atomic.Int64
	lateHits  [2]atomic.Int64
	last      [2]atomic.Int64 // when the last stale read began
}

// endpointSpot is a key.
type endpointSpot struct {
	key     string
	source  atomic.Int64 // its version
	own     atomic.Int64 // the newest version whose eviction has returned
	evicted atomic.Int64 // ... without an error
}

func newEndpointRace(t *testing.T, e *endpoint) *endpointRace {
	r := &endpointRace{names: map[string]*endpointSpot{}, began: time.Now()}
	for i := range 30 {
		s := &endpointSpot{key: endpointKey(i)}
		r.spots, r.names[s.key] = append(r.spots, s), s
	}
	ns := redistest.Unique(t)
	for range 2 {
		st := fed(t, dialed(t, e.Addr()), ns)
		r.stores = append(r.stores, st)
		r.caches = append(r.caches, cacheable.New(st, "c", r.load, cacheable.TTL(time.Hour),
			cacheable.Tags(func(key string) []string { return []string{"tag of " + key} })))
	}
	return r
}

func (r *endpointRace) load(_ context.Context, key string) (int64, error) {
	v := r.names[key].source.Load()
	time.Sleep(rand.N(time.Millisecond)) // an answer on its way
	return v, nil
}

func (r *endpointRace) now() int64 { return int64(time.Since(r.began)) }

// since is the time from the switch to a moment; negative before it.
func (r *endpointRace) since(at int64) time.Duration {
	if s := r.switched.Load(); s != 0 {
		return time.Duration(at - s)
	}
	return -1
}

func (r *endpointRace) reader(t *testing.T, node int) {
	for !r.over.Load() {
		r.read(t, node, r.spots[rand.N(len(r.spots))])
		time.Sleep(rand.N(2 * time.Millisecond)) // the pace of the race
	}
}

// read reads a key on a node. It is stale if it sees an older version than was evicted when it began.
func (r *endpointRace) read(t *testing.T, node int, s *endpointSpot) {
	began, least := r.now(), s.evicted.Load()
	if node == 0 {
		least = s.own.Load()
	}
	seen, info, err := r.caches[node].GetInfo(t.Context(), s.key)
	if !assert.NoError(t, err) {
		return
	}
	isLate := r.since(began) > noticed
	count := func(any bool, all, late *atomic.Int64) {
		if any {
			all.Add(1)
		}
		if any && isLate {
			late.Add(1)
		}
	}
	count(true, &r.reads[node], &r.late[node])
	count(seen < least, &r.stale[node], &r.lateStale[node])
	if seen < least {
		r.last[node].Store(max(r.last[node].Load(), began))
	}
	if info.Source == cacheable.SourceHit && isLate {
		r.lateHits[node].Add(1)
	}
}

// writer writes to the source and evicts, in turn by key and by tag. From a second after the switch it leaves a third of the
// keys alone, so that no later eviction hides a lost one.
func (r *endpointRace) writer(t *testing.T) {
	for version := int64(1); !r.over.Load(); version++ {
		i := rand.N(len(r.spots))
		s := r.spots[i]
		if i%3 == 0 && r.since(r.now()) > noticed/2 {
			continue
		}
		s.source.Store(version)
		err := r.caches[0].Evict(t.Context(), s.key)
		if i%2 == 1 {
			err = evict.ByTag(t.Context(), r.stores[0], "tag of "+s.key)
		}
		s.own.Store(version)
		if err == nil {
			s.evicted.Store(version)
		}
		r.writes.Add(1)
		time.Sleep(rand.N(6 * time.Millisecond)) // the pace of the race
	}
}

// burst reads every key at once on both nodes, over more connections than usual.
func (r *endpointRace) burst(t *testing.T) {
	for node := range r.caches {
		var next atomic.Int64
		burst(len(r.spots), func() { r.read(t, node, r.spots[next.Add(1)-1]) })
	}
}

func (r *endpointRace) report(t *testing.T) {
	for node, name := range []string{"the node that evicts", "the other node"} {
		last := time.Duration(0)
		if at := r.last[node].Load(); at != 0 {
			last = r.since(at).Round(time.Millisecond)
		}
		t.Logf("%s: %d of %d reads stale, of those later than %v after the switch %d of %d, the last one %v after it; %d late hits",
			name, r.stale[node].Load(), r.reads[node].Load(), noticed, r.lateStale[node].Load(), r.late[node].Load(), last, r.lateHits[node].Load())
		assert.Positive(t, r.lateHits[node].Load(), "%s uses Redis again", name)
		assert.Zero(t, r.lateStale[node].Load(), "stale reads on %s later than %v after the switch", name, noticed)
	}
	assert.Zero(t, r.stale[0].Load(), "stale reads on the node that evicts")
	for _, st := range r.stores {
		assert.Zero(t, st.Stats().Panics)
	}
}
