package cacheable_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/jollyjet/aside/cacheable"
	"github.com/jollyjet/aside/internal/entry"
	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/store"
)

// An observer is called for every answer that the cache gives as current, for no other, and never after it is
// detached.
func TestOnHit(t *testing.T) {
	rdb := redistest.Start(t).Client(t)
	st := openStore(t, rdb)
	waitForFeed(t, st)
	down := false
	load := func(_ context.Context, keys []string) (map[string]string, error) {
		if down {
			return nil, errDown
		}
		return map[string]string{"a": "A", "b": "B"}, nil
	}
	c := cacheable.NewMany(st, "told", load, cacheable.NotFound(func(error) bool { return false }, time.Hour), cacheable.FailSafe(time.Hour), cacheable.Shared())
	near := cacheable.New(st, "told", func(context.Context, string) (string, error) { return "", nil }, cacheable.Near(10, time.Hour), cacheable.Shared())
	type ctxKey struct{}
	ctx := context.WithValue(t.Context(), ctxKey{}, "mine")
	var mu sync.Mutex
	told := make(map[string]int)
	listen := func(ctx context.Context, key string, seen entry.Sample) {
		require.Equal(t, "mine", ctx.Value(ctxKey{}))
		if seen.Current() {
			require.Equal(t, c.Samples(ctx, false, key)[0].Token, seen.Token)
		}
		mu.Lock()
		defer mu.Unlock()
		told[key]++
	}
	detach, detachNear := c.OnHit(1, listen), near.OnHit(1, listen)
	second := 0
	detachSecond := c.OnHit(1, func(context.Context, string, entry.Sample) { second++ })

	all := []string{"a", "b", "none"}
	_, err := c.GetAll(ctx, all) // misses
	require.NoError(t, err)
	require.Empty(t, told)
	_, err = c.GetAll(ctx, all)
	require.NoError(t, err)
	_, err = c.Get(ctx, "none")
	require.ErrorIs(t, err, cacheable.ErrNotFound)
	require.Equal(t, map[string]int{"a": 1, "b": 1, "none": 2}, told)
	reads := 1
	eventually(t, "a hit in this process", func() bool { // a notice of what was stored above may still be under way
		reads++
		_, err := near.Get(ctx, "a") // from Redis, then from this process
		return err == nil && st.Stats().Caches["told"].NearHits == 1
	})
	require.Equal(t, reads, told["a"])

	down = true
	require.NoError(t, c.Expire(ctx, "b"))
	_, info, err := c.GetInfo(ctx, "b")
	require.NoError(t, err)
	require.Equal(t, cacheable.SourceStale, info.Source)
	require.Equal(t, 1, told["b"], "what is stale is not given as current")

	require.Equal(t, 4, second)
	detachSecond()
	detachSecond()
	_, err = c.Get(ctx, "a")
	require.NoError(t, err)
	require.Equal(t, 4, second)
	require.Equal(t, reads+1, told["a"])
	detach()
	detachNear()
	_, err = c.Get(ctx, "a")
	require.NoError(t, err)
	require.Equal(t, reads+1, told["a"])
}

// The observer gets the fraction that it asked for, of every key alike, even if the keys are read in turn.
func TestOnHitIsFair(t *testing.T) {
	st := openStore(t, miniClient(t))
	c := cacheable.New(st, "fair", func(_ context.Context, key int) (int, error) { return key, nil })
	told := make(map[int]int)
	defer c.OnHit(0.1, func(_ context.Context, key int, _ entry.Sample) { told[key]++ })()
	const keys, rounds = 10, 1000 // a tenth of the reads are of each key
	for i := range keys * rounds {
		_, err := c.Get(t.Context(), i%keys)
		require.NoError(t, err)
	}
	for key := range keys {
		require.InDelta(t, rounds/10, told[key], rounds/50, "key %d", key)
	}
	require.PanicsWithValue(t, "cacheable: OnHit(0, ...): use a fraction above 0, and 1 at most", func() {
		c.OnHit(0, func(context.Context, int, entry.Sample) {})
	})
}

// Samples returns the entries, and changes and counts nothing. Source asks the loader, and stores nothing.
func TestLookAndSource(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		st := openStore(t, rdb)
		var m moody
		c := cacheable.New(st, "look", func(ctx context.Context, key string) (int64, error) {
			if key == "none" {
				return 0, errNoRows
			}
			return m.load(ctx, key)
		}, cacheable.NotFound(func(err error) bool { return errors.Is(err, errNoRows) }, time.Hour))
		_, err := c.Get(t.Context(), "k")
		require.NoError(t, err)
		_, err = c.Get(t.Context(), "none")
		require.ErrorIs(t, err, errNoRows)
		before := st.Stats().Caches["look"]
		look := c.Samples(t.Context(), true, "k", "none", "absent")
		again := c.Samples(t.Context(), false, "k")[0]
		require.Equal(t, []entry.State{entry.Value, entry.Negative, entry.Absent}, []entry.State{look[0].State, look[1].State, look[2].State})
		require.True(t, look[0].Current() && look[1].Current() && !look[2].Current())
		require.Equal(t, look[0].Token, again.Token)
		require.NotEqual(t, look[0].Token, look[1].Token)
		v, ok := c.Decode(look[0].Payload)
		require.True(t, ok)
		require.EqualValues(t, 1, v)
		after := st.Stats().Caches["look"]
		after.BytesRead = before.BytesRead
		require.Equal(t, before, after)

		source := c.Source(t.Context(), "k")
		require.Equal(t, entry.Value, source.State)
		v, _ = c.Decode(source.Payload)
		require.EqualValues(t, 2, v, "the loader counts")
		require.Equal(t, entry.Sample{State: entry.Negative}, c.Source(t.Context(), "none"))
		m.down.Store(true)
		require.ErrorIs(t, c.Source(t.Context(), "k").Err, errDown)
		require.Equal(t, look[0].Token, c.Samples(t.Context(), false, "k")[0].Token, "nothing is stored")
		require.Equal(t, before.Loads+3, st.Stats().Caches["look"].Loads)

		_, err = c.Refresh(t.Context(), "k")
		require.ErrorIs(t, err, errDown)
		m.down.Store(false)
		_, err = c.Refresh(t.Context(), "k")
		require.NoError(t, err)
		require.NotEqual(t, look[0].Token, c.Samples(t.Context(), false, "k")[0].Token)
		_, ok = c.Decode([]byte("{"))
		require.False(t, ok)
	})
}

// The loads of Source take a slot like others and end with the context; a panic in one is an error.
func TestSourceIsALoadLikeOthers(t *testing.T) {
	st := openStore(t, miniClient(t))
	release, running := make(chan struct{}), atomic.Int64{}
	c := cacheable.NewMany(st, "source", func(_ context.Context, keys []int) (map[int]int, error) {
		running.Add(1)
		<-release
		running.Add(-1)
		if keys[0] < 0 {
			panic("loader")
		}
		return map[int]int{keys[0]: 1}, nil
	}, cacheable.MaxConcurrentLoads(1), cacheable.MaxBatch(1))
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan []entry.Sample, 2)
	go func() { ended <- c.SourceAll(ctx, []int{1, 2}) }()
	require.Eventually(t, func() bool { return running.Load() == 1 }, 10*time.Second, time.Millisecond)
	go func() { ended <- []entry.Sample{c.Source(ctx, 3)} }()
	cancel()
	for range 2 {
		for _, one := range <-ended {
			require.ErrorIs(t, one.Err, context.Canceled)
		}
	}
	require.EqualValues(t, 1, running.Load(), "they go on, one at a time")
	close(release)
	require.Equal(t, []entry.Sample{{State: entry.Value, Payload: []byte("1")}}, c.SourceAll(t.Context(), []int{4}))
	require.Error(t, c.Source(t.Context(), -1).Err)
	require.Empty(t, c.SourceAll(t.Context(), nil))
	require.NoError(t, st.Close())
	require.ErrorIs(t, c.Source(t.Context(), 1).Err, store.ErrClosed)
	require.ErrorIs(t, c.SourceAll(t.Context(), []int{1})[0].Err, store.ErrClosed)
	require.False(t, (&entry.Sample{}).Current())
}

type compound struct {
	Shop  int16
	inner struct {
		id   [16]byte
		open bool
	}
	Name  string
	Sizes [2]uint64
}

// ParseKey is the inverse of EntryKey for every argument that needs no Key.
func TestParseKey(t *testing.T) {
	st := openStore(t, miniClient(t))
	c := cacheable.New(st, "compound", func(context.Context, compound) (int, error) { return 0, nil })
	rapid.Check(t, func(t *rapid.T) {
		k := compound{Shop: rapid.Int16().Draw(t, "shop"), Name: rapid.String().Draw(t, "name")}
		copy(k.inner.id[:], rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "id"))
		k.inner.open = rapid.Bool().Draw(t, "open")
		k.Sizes[1] = rapid.Uint64().Draw(t, "size")
		parsed, ok := c.ParseKey(c.EntryKey(k))
		require.True(t, ok)
		require.Equal(t, k, parsed)
	})
	text := cacheable.New(st, "text", func(context.Context, string) (int, error) { return 0, nil })
	_, ok := c.ParseKey(text.EntryKey("1,2"))
	require.False(t, ok, "of another cache")
	for _, foreign := range []string{"", "1", "x", "1,00,true,n,1,2", "1,zz,true,n,1,2", "1,2,3,4,5,6,7"} {
		_, ok := c.ParseKey(st.Engine().Entries.Cache("compound", 0, time.Minute).Key(foreign))
		require.False(t, ok, foreign)
	}
	number := cacheable.New(st, "number", func(context.Context, int8) (int, error) { return 0, nil })
	for _, foreign := range []string{"300", "+1", "01", ""} {
		_, ok := number.ParseKey(st.Engine().Entries.Cache("number", 0, time.Minute).Key(foreign))
		require.False(t, ok, foreign)
	}
	own := cacheable.New(st, "own", func(context.Context, string) (int, error) { return 0, nil }, cacheable.Key(func(s string) string { return s }))
	_, ok = own.ParseKey(own.EntryKey("k"))
	require.False(t, ok)
}
