package evict_test

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/cacheable"
	"github.com/jollyjet/aside/evict"
	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/store"
)

// chain are caches of one node of which each reads the next; the last one reads the source.
type chain struct {
	st     *store.Store
	caches []*cache // the outermost first
}

func newChain(st *store.Store, src *table, names ...string) *chain {
	ch := &chain{st: st, caches: make([]*cache, len(names))}
	for i := len(names) - 1; i >= 0; i-- {
		load := src.load
		if i+1 < len(names) {
			load = ch.caches[i+1].Get
		}
		ch.caches[i] = cacheable.New(st, names[i], load, cacheable.Tags(func(string) []string { return []string{names[i]} }))
	}
	return ch
}

// lateLink is a link to a Cluster on which what is about one key is late.
type lateLink struct {
	mu    sync.Mutex
	key   string
	until chan struct{} // what is about the key waits for it
	met   chan struct{} // closed when something waits
}

// client returns a client of the Cluster over the link.
func (l *lateLink) client(t *testing.T, c *redistest.Cluster) redis.UniversalClient {
	t.Helper()
	rdb := redis.NewClusterClient(&redis.ClusterOptions{
		Addrs: c.Client(t).Options().Addrs,
		Dialer: func(ctx context.Context, network, addr string) (net.Conn, error) {
			conn, err := (&net.Dialer{}).DialContext(ctx, network, addr)
			return &lateConn{conn, l}, err
		},
	})
	t.Cleanup(func() { require.NoError(t, rdb.Close()) })
	return rdb
}

type lateConn struct {
	net.Conn
	link *lateLink
}

func (c *lateConn) Write(b []byte) (int, error) {
	l := c.link
	l.mu.Lock()
	until, met := l.until, l.met
	about := l.key != "" && bytes.Contains(b, []byte(l.key+"\r"))
	if about {
		l.key = "" // the first time
	}
	l.mu.Unlock()
	if about {
		close(met)
		<-until
	}
	return c.Conn.Write(b)
}

// delay holds back the next command on the key until pass is called. met is closed when there is one.
func (l *lateLink) delay(key store.Key) (met <-chan struct{}, pass func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.key, l.until, l.met = key.String(), make(chan struct{}), make(chan struct{})
	return l.met, func() { close(l.until) }
}

// evictionOf returns a target of a kind, and the key of its eviction.
func evictionOf(kind string, c *cache, tag string) (evict.Target[change], store.Key) {
	switch kind {
	case "key":
		return evict.Key(c, keyOf), c.EntryKey("k")
	case "all":
		return evict.All[change](c), c.WholeKey()
	case "expire":
		return evict.Expire(c, keyOf), c.EntryKey("k")
	default:
		return evict.Tags(c.Store(), func(change) []string { return []string{tag} }), c.Store().Tag(tag)
	}
}

// The eviction of the inner cache is late, and the outer one is loaded in between. Whatever the order of the targets: once the
// write has returned, no node reads what the outer cache has made of the old inner value.
func TestACacheThatReadsAnotherIsEvictedAfterIt(t *testing.T) {
	cluster := redistest.StartCluster(t)
	for _, tt := range []struct{ outer, inner string }{
		{"key", "key"},
		{"key", "all"},
		{"all", "key"},
		{"tag", "tag"},
		{"key", "tag"},
		{"tag", "key"},
		{"key", "expire"},
		{"expire", "key"},
		{"expire", "expire"},
	} {
		for _, turned := range []bool{false, true} {
			t.Run(fmt.Sprint(tt, turned), func(t *testing.T) {
				src, link, namespace := &table{}, &lateLink{}, redistest.Unique(t)
				far, near := join(t, link.client(t, cluster), namespace, store.Strict()), join(t, cluster.Client(t), namespace, store.Strict())
				var inner string
				var targets []evict.Target[change]
				var a *chain
				var late store.Key
				for i := 0; ; i++ { // until they are on different masters
					inner = fmt.Sprint("inner", i)
					a = newChain(far, src, "outer", inner)
					first, at := evictionOf(tt.outer, a.caches[0], "outer")
					second, key := evictionOf(tt.inner, a.caches[1], inner)
					targets, late = []evict.Target[change]{first, second}, key
					if cluster.MasterFor(t, at.String()) != cluster.MasterFor(t, key.String()) {
						break
					}
				}
				if turned {
					slices.Reverse(targets)
				}
				b := newChain(near, src, "outer", inner)
				write := evict.After(src.write, targets...)
				_, err := write(t.Context(), change{"k", 1})
				require.NoError(t, err)
				reads(t, 1, "k", b.caches[0], a.caches[0])
				met, pass := link.delay(late)
				var wg sync.WaitGroup
				wg.Go(func() {
					_, err := write(t.Context(), change{"k", 2})
					assert.NoError(t, err)
				})
				<-met
				// The outer cache is read until it is loaded again, or for a moment if it is not evicted, or held.
				for began := time.Now(); time.Since(began) < 100*time.Millisecond; {
					_, info, err := b.caches[0].GetInfo(t.Context(), "k")
					require.NoError(t, err)
					if info.Source == cacheable.SourceMiss {
						break
					}
				}
				pass()
				wg.Wait()
				for range 3 {
					reads(t, 2, "k", a.caches[0], b.caches[0])
				}
			})
		}
	}
}

// Three thousand writes of two nested caches, with readers on two nodes and nothing in their way.
func TestUndisturbedWritesOfNestedCachesLeaveNothingStale(t *testing.T) {
	cluster := redistest.StartCluster(t)
	src, namespace := &table{}, redistest.Unique(t)
	var chains []*chain
	for range 2 {
		chains = append(chains, newChain(join(t, cluster.Client(t), namespace, store.Strict()), src, "outer", "inner"))
	}
	write := evict.After(src.write, evict.Key(chains[0].caches[0], keyOf), evict.Key(chains[0].caches[1], keyOf))
	var over atomic.Bool
	var wg sync.WaitGroup
	for _, ch := range chains {
		for range 2 {
			wg.Go(func() {
				for !over.Load() {
					_, err := ch.caches[0].Get(t.Context(), "k")
					assert.NoError(t, err)
				}
			})
		}
	}
	stale := 0
	for i := range int64(3000) {
		_, err := write(t.Context(), change{"k", i})
		require.NoError(t, err)
		if v, err := chains[i%2].caches[0].Get(t.Context(), "k"); err != nil || v != i {
			stale++
		}
	}
	over.Store(true)
	wg.Wait()
	require.Zero(t, stale, "of 3000")
}

// How many round trips an eviction takes: with one cache one, with two also one where there is one node, and one more on a
// Cluster. On a Cluster each master counts once.
func TestRoundTripsOfEvictions(t *testing.T) {
	for name, rdb := range map[string]redis.UniversalClient{
		"one node": redistest.Start(t).Client(t), "cluster": redistest.StartCluster(t).Client(t),
	} {
		t.Run(name, func(t *testing.T) {
			sent := &redistest.Commands{}
			st := open(t, rdb, store.Hooks(sent.Hook()))
			ch := newChain(st, &table{}, "outer", "inner")
			outer, inner := evict.Key(ch.caches[0], keyOf), evict.Key(ch.caches[1], keyOf)
			tag := evict.Tags(st, func(change) []string { return []string{"t"} })
			got := map[string]int{}
			for of, targets := range map[string][]evict.Target[change]{
				"key": {outer}, "all": {evict.All[change](ch.caches[0])}, "two keys": {outer, inner}, "tag": {tag}, "key and tag": {outer, tag},
			} {
				write := evict.After((&table{}).write, targets...)
				_, err := write(t.Context(), change{"k", 1}) // Redis learns the scripts
				require.NoError(t, err)
				before := sent.RoundTrips("evalsha")
				_, err = write(t.Context(), change{"k", 2})
				require.NoError(t, err)
				got[of] = sent.RoundTrips("evalsha") - before
			}
			want := map[string]int{"key": 1, "all": 1, "two keys": 1, "tag": 1, "key and tag": 1}
			if name == "cluster" {
				want = map[string]int{"key": 1, "all": 1, "two keys": 2, "tag": 2, "key and tag": 2}
			}
			require.Equal(t, want, got, fmt.Sprint(name))
		})
	}
}
