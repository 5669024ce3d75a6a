package store_test

import (
	"context"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/jollyjet/aside/internal/entry"
	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/internal/scan"
	"github.com/jollyjet/aside/store"
)

// A walk finds the entries of its cache, each with its whole key, and nothing else.
func TestWalkFindsTheEntriesOfACache(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		st := open(t, rdb)
		want := make(map[store.Key]bool)
		cache, other := st.Engine().Entries.Cache("cell", 1, time.Minute), st.Engine().Entries.Cache("cell2", 1, time.Minute)
		for i := range 300 {
			text := strings.Repeat(strconv.Itoa(i)+"}", 1+i%2*100) // half of them are hashed
			for _, s := range []*entry.Cache{cache, other} {
				ref := s.Ref(s.Key(text), []string{"tag"})
				_, err := s.Put(t.Context(), &ref, entry.Contents{Payload: []byte("x"), TTL: time.Minute})
				require.NoError(t, err)
			}
			want[cache.Key(text)] = true
		}
		found := make(map[store.Key]bool)
		for step, err := range st.Engine().Scanner.Walk(t.Context(), cache.Keys(), scan.Position{}, 10) {
			require.NoError(t, err)
			for _, key := range step.Keys {
				found[key] = true
				parts, ok := cache.Parts(key)
				require.True(t, ok)
				require.Equal(t, key, cache.Key(parts...))
			}
		}
		require.Equal(t, want, found)
	})
}

// Every master is walked, and told of.
func TestWalkOfACluster(t *testing.T) {
	cluster := redistest.StartCluster(t)
	st := open(t, cluster.Client(t))
	cache := st.Engine().Entries.Cache("cell", 1, time.Minute)
	var last scan.Step
	steps := 0
	for step, err := range st.Engine().Scanner.Walk(t.Context(), cache.Keys(), scan.Position{}, 10) {
		require.NoError(t, err)
		last = step
		steps++
	}
	require.Equal(t, 3, steps, "one for each master that has nothing")
	require.Equal(t, 3, last.Masters)
	require.Equal(t, 3, last.Done)
	for step, err := range st.Engine().Scanner.Walk(t.Context(), cache.Keys(), last.Position, 10) {
		require.Fail(t, "there is nothing left to walk", "%v %v", step, err)
	}
}

// What Key writes Parts reads.
func TestPartsAreTheOppositeOfKey(t *testing.T) {
	st := open(t, mini(t))
	cache := st.Engine().Entries.Cache("cell", 1, time.Minute)
	rapid.Check(t, func(t *rapid.T) {
		parts := rapid.SliceOfN(rapid.OneOf(rapid.String(), rapid.StringOfN(rapid.RuneFrom([]rune("{},%~ a\x00é")), 0, 300, -1)), 1, 4).Draw(t, "parts")
		read, ok := cache.Parts(cache.Key(parts...))
		require.True(t, ok)
		require.Equal(t, parts, read)
	})
	_, ok := cache.Parts(st.Engine().Entries.Cache("cell2", 1, time.Minute).Key("k"))
	require.False(t, ok)
	_, ok = cache.Parts(cache.All())
	require.False(t, ok)
}

func mini(t *testing.T) redis.UniversalClient {
	t.Helper()
	rdb := redis.NewClient(&redis.Options{Addr: redistest.Mini(t).Addr()})
	t.Cleanup(func() { require.NoError(t, rdb.Close()) })
	return rdb
}

// Ping asks past the breaker, and ends in time.
func TestPing(t *testing.T) {
	server := redistest.Start(t)
	st := open(t, server.Client(t), store.Timeout(time.Second), store.BreakAfter(1))
	var pings []store.Ping
	require.Eventually(t, func() bool { pings = st.Ping(t.Context()); return pings[0].Err == nil }, soon, often)
	require.Len(t, pings, 1)
	require.Equal(t, server.Addr(), pings[0].Node)
	require.Positive(t, pings[0].Took)
	server.Pause()
	began := time.Now()
	require.ErrorIs(t, st.Ping(t.Context())[0].Err, store.ErrUnavailable)
	require.Less(t, time.Since(began), 5*time.Second)
	server.Resume()
	require.Eventually(t, func() bool { return st.Ping(t.Context())[0].Err == nil }, soon, often)
	require.False(t, st.Closed())
	require.NoError(t, st.Close())
	require.True(t, st.Closed())
	require.ErrorIs(t, st.Ping(t.Context())[0].Err, store.ErrClosed)
	require.False(t, st.Engine().Life.Background("late", func(context.Context) {}))
}

// What runs in the background ends with the store; a panic in it is counted and ends nothing else.
func TestBackground(t *testing.T) {
	st := open(t, mini(t))
	ended := false
	require.True(t, st.Engine().Life.Background("work", func(ctx context.Context) { <-ctx.Done(); ended = true }))
	require.True(t, st.Engine().Life.Background("mistake", func(context.Context) { panic("mistake") }))
	require.NoError(t, st.Close())
	require.True(t, ended)
	require.EqualValues(t, 1, st.Stats().Panics)
}
