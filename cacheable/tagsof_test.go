package cacheable_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/cacheable"
	"github.com/jollyjet/aside/evict"
	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/store"
)

// shoe is a value that determines its tags.
type shoe struct {
	Version  int64
	Category string
}

var byCategory = cacheable.TagsOf(func(_ string, s shoe) []string { return []string{s.Category} })

// shelf is a source of shoes; door, if there is one, is where a load waits after it has read.
type shelf struct {
	version, loads atomic.Int64
	category       atomic.Pointer[string]
	door           atomic.Pointer[door]
}

type door struct{ reached, open chan struct{} }

func newShelf() *shelf {
	s, c := &shelf{}, "boots"
	s.category.Store(&c)
	return s
}

func (s *shelf) shut() *door {
	g := &door{make(chan struct{}), make(chan struct{})}
	s.door.Store(g)
	return g
}

func (s *shelf) load(context.Context, string) (shoe, error) {
	v := shoe{s.version.Load(), *s.category.Load()}
	s.loads.Add(1)
	if g := s.door.Swap(nil); g != nil {
		close(g.reached)
		<-g.open
	}
	return v, nil
}

func (s *shelf) loadAll(ctx context.Context, keys []string) (map[string]shoe, error) {
	v, err := s.load(ctx, "")
	all := make(map[string]shoe)
	for _, k := range keys {
		all[k] = v
	}
	return all, err
}

// get expects a version, and as many loads as there should have been by then.
func (s *shelf) get(t *testing.T, c *cacheable.Cacheable[string, shoe], version, loads int64) {
	t.Helper()
	v, err := c.Get(t.Context(), "k")
	require.NoError(t, err)
	require.Equal(t, version, v.Version)
	require.Equal(t, loads, s.loads.Load(), "loads")
}

func TestTagsOf(t *testing.T) {
	for name, options := range map[string][]store.Option{"relaxed": nil, "strict": {store.Strict()}} {
		t.Run(name, func(t *testing.T) {
			redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
				src, namespace := newShelf(), redistest.Unique(t)
				here, there := openIn(t, rdb, namespace, options...), openIn(t, rdb, namespace, options...)
				c, other := cacheable.New(here, "shoe", src.load, byCategory), cacheable.New(there, "shoe", src.load, byCategory)
				for range 3 {
					src.get(t, c, 0, 1)
					src.get(t, other, 0, 1)
				}
				require.NoError(t, evict.ByTag(t.Context(), here, "sandals"))
				src.get(t, c, 0, 1)

				src.version.Store(1)
				require.NoError(t, evict.ByTag(t.Context(), here, "boots"))
				src.get(t, c, 1, 2)
				src.version.Store(2)
				require.NoError(t, evict.ByTag(t.Context(), there, "boots"))
				if name == "strict" {
					src.get(t, c, 2, 3)
					return
				}
				eventually(t, "the eviction on the other node", func() bool {
					v, err := c.Get(t.Context(), "k")
					return err == nil && v.Version == 2
				})
			})
		})
	}
}

// A load that overlaps the eviction of one of its value's tags is not stored, and does not answer callers that come
// after the eviction.
func TestTagsOfALoadThatWasOverlapped(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		for name, overlap := range map[string]func(t *testing.T, st *store.Store){
			"evicted": func(t *testing.T, st *store.Store) {
				require.NoError(t, evict.ByTag(t.Context(), st, "boots"))
			},
			"evicted and begun anew": func(t *testing.T, st *store.Store) {
				require.NoError(t, evict.ByTag(t.Context(), st, "boots"))
				_, err := cacheable.New(st, "shoe", newShelf().load, byCategory).Get(t.Context(), "another")
				require.NoError(t, err)
			},
			"held": func(t *testing.T, st *store.Store) {
				h, err := st.Engine().Evictor.Hold(t.Context(), st.Tag("boots"))
				require.NoError(t, err)
				require.NoError(t, h.End(t.Context(), 0))
			},
		} {
			t.Run(name, func(t *testing.T) {
				src, namespace := newShelf(), redistest.Unique(t)
				st := openIn(t, rdb, namespace)
				c := cacheable.New(st, "shoe", src.load, byCategory)
				g := src.shut()
				early := async(func() (shoe, error) { return c.Get(t.Context(), "k") })
				within(t, "the load", g.reached)
				src.version.Store(1)
				overlap(t, openIn(t, rdb, namespace))
				asking := &asking{Context: t.Context(), waits: make(chan struct{})}
				late := async(func() (shoe, error) { return c.Get(asking, "k") })
				within(t, "the second reader", asking.waits)
				close(g.open)
				v, err := early.wait(t)
				require.NoError(t, err)
				require.Zero(t, v.Version, "it came before")
				v, err = late.wait(t)
				require.NoError(t, err)
				require.EqualValues(t, 1, v.Version)
				src.get(t, c, 1, 2)
			})
		}
	})
}

// A hold that existed when the load began counts, even if its writer has died since and the hold has expired.
func TestTagsOfALoadDuringTheHoldOfADeadWriter(t *testing.T) {
	rdb := redistest.Start(t).Client(t) // the clock of miniredis stands still
	src, namespace := newShelf(), redistest.Unique(t)
	st := openIn(t, rdb, namespace)
	c := cacheable.New(st, "shoe", src.load, byCategory)
	writer := openIn(t, rdb, namespace, store.HoldTime(2*time.Second)) // it must still be there when the load begins
	_, err := writer.Engine().Evictor.Hold(t.Context(), writer.Tag("boots"))
	require.NoError(t, err)
	g := src.shut()
	early := async(func() (shoe, error) { return c.Get(t.Context(), "k") })
	within(t, "the load", g.reached)
	src.version.Store(1) // the last thing that the writer did
	eventually(t, "the end of the hold", func() bool {
		return rdb.Exists(t.Context(), st.Tag("boots").String()).Val() == 0
	})
	close(g.open)
	_, err = early.wait(t)
	require.NoError(t, err)
	src.get(t, c, 1, 2)
}

func TestTagsOfInEveryWayToStore(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		for name, put := range map[string]func(t *testing.T, st *store.Store, src *shelf, m *cacheable.Many[string, shoe]){
			"get": func(t *testing.T, _ *store.Store, _ *shelf, m *cacheable.Many[string, shoe]) {
				_, err := m.Get(t.Context(), "k")
				require.NoError(t, err)
			},
			"put": func(t *testing.T, _ *store.Store, src *shelf, m *cacheable.Many[string, shoe]) {
				src.loads.Add(1)
				require.NoError(t, m.Put(t.Context(), "k", shoe{0, "boots"}))
			},
			"many": func(t *testing.T, _ *store.Store, _ *shelf, m *cacheable.Many[string, shoe]) {
				_, err := m.GetAll(t.Context(), []string{"k", "l", "m"})
				require.NoError(t, err)
			},
			"refresh": func(t *testing.T, _ *store.Store, src *shelf, m *cacheable.Many[string, shoe]) {
				_, err := m.Get(t.Context(), "k")
				require.NoError(t, err)
				_, err = m.Refresh(t.Context(), "k")
				require.NoError(t, err)
				src.loads.Add(-1)
			},
			"replace": func(t *testing.T, st *store.Store, src *shelf, m *cacheable.Many[string, shoe]) {
				write := evict.Around(func(context.Context, string) (shoe, error) { return shoe{0, "boots"}, nil },
					evict.Replace(m, func(k string, v shoe) (string, shoe) { return k, v }))
				_, err := write(t.Context(), "k")
				require.NoError(t, err)
				src.loads.Add(1)
			},
		} {
			t.Run(name, func(t *testing.T) {
				st, src := openStore(t, rdb), newShelf()
				m := cacheable.NewMany(st, "shoe", src.loadAll, byCategory)
				put(t, st, src, m)
				src.get(t, m.Cacheable, 0, 1)
				src.version.Store(1)
				require.NoError(t, evict.ByTag(t.Context(), st, "boots"))
				src.get(t, m.Cacheable, 1, 2)
				got, err := m.GetAll(t.Context(), []string{"k"})
				require.NoError(t, err)
				require.EqualValues(t, 1, got["k"].Version)
				require.EqualValues(t, 2, src.loads.Load(), "loads")
			})
		}
	})
}

// FailSafe keeps values with their tags: an evicted value is never a fallback.
func TestTagsOfAnExpiredValue(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		st, src := openStore(t, rdb), newShelf()
		fails := atomic.Bool{}
		c := cacheable.New(st, "shoe", func(ctx context.Context, k string) (shoe, error) {
			if fails.Load() {
				return shoe{}, context.DeadlineExceeded
			}
			return src.load(ctx, k)
		}, byCategory, cacheable.FailSafe(time.Hour))
		src.get(t, c, 0, 1)
		require.NoError(t, c.Expire(t.Context(), "k"))
		fails.Store(true)
		src.get(t, c, 0, 1)
		require.NoError(t, evict.ByTag(t.Context(), st, "boots"))
		_, err := c.Get(t.Context(), "k")
		require.ErrorIs(t, err, context.DeadlineExceeded)
	})
}

func TestTagsOfNearValues(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		src, namespace := newShelf(), redistest.Unique(t)
		st, other := openIn(t, rdb, namespace), openIn(t, rdb, namespace)
		c := cacheable.New(st, "shoe", src.load, byCategory, cacheable.Near(100, time.Hour))
		_, err := c.Get(t.Context(), "k")
		require.NoError(t, err)
		eventually(t, "a value nearby", func() bool {
			_, info, err := c.GetInfo(t.Context(), "k")
			return err == nil && info.Source == cacheable.SourceNear
		})
		src.version.Store(1)
		require.NoError(t, evict.ByTag(t.Context(), st, "boots"))
		v, err := c.Get(t.Context(), "k")
		require.NoError(t, err)
		require.EqualValues(t, 1, v.Version, "at once on the node that evicts")
		src.version.Store(2)
		require.NoError(t, evict.ByTag(t.Context(), other, "boots"))
		eventually(t, "the eviction on the other node", func() bool {
			v, err := c.Get(t.Context(), "k")
			return err == nil && v.Version == 2
		})
	})
}

// A hit takes one round trip once the process knows the tag versions, and two where it must not rely on them.
func TestTagsOfCountsRoundTrips(t *testing.T) {
	for name, tt := range map[string]struct {
		options []store.Option
		trips   int
	}{"relaxed": {nil, 1}, "strict": {[]store.Option{store.Strict()}, 2}} {
		t.Run(name, func(t *testing.T) {
			sent, src := &redistest.Commands{}, newShelf()
			st := openStore(t, redistest.Start(t).Client(t), append(tt.options, store.Hooks(sent.Hook()))...)
			waitForFeed(t, st)
			c := cacheable.New(st, "shoe", src.load, byCategory)
			for range 3 {
				src.get(t, c, 0, 1)
			}
			eventually(t, "quiet", func() bool {
				before := trips(sent)
				src.get(t, c, 0, 1)
				return trips(sent)-before == tt.trips
			})
		})
	}
}

// A value that moves to another tag is stored with the new one.
func TestTagsOfAValueThatChanges(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		st, src := openStore(t, rdb), newShelf()
		c := cacheable.New(st, "shoe", src.load, byCategory, cacheable.Tags(func(string) []string { return []string{"boots", "all"} }))
		src.get(t, c, 0, 1)
		sandals := "sandals"
		src.category.Store(&sandals)
		require.NoError(t, c.Evict(t.Context(), "k"))
		src.get(t, c, 0, 2)
		require.NoError(t, evict.ByTag(t.Context(), st, sandals))
		src.get(t, c, 0, 3)
		require.NoError(t, evict.ByTag(t.Context(), st, "all"))
		src.get(t, c, 0, 4)
	})
}
