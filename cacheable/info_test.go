package cacheable_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/cacheable"
	"github.com/jollyjet/aside/evict"
	"github.com/jollyjet/aside/internal/redistest"
)

func TestWithInfoCollectsEveryReadOfTheContext(t *testing.T) {
	rdb := redistest.Start(t).Client(t)
	st, src := open(t, rdb), source{}
	c := cacheable.New(st, "outer", src.load)
	ctx, calls := cacheable.WithInfo(t.Context())
	_, ok := calls.Last()
	require.False(t, ok)
	require.Empty(t, calls.All())

	_, err := c.Get(ctx, "k")
	require.NoError(t, err)
	_, err = c.Get(ctx, "k")
	require.NoError(t, err)
	_, _, err = c.GetInfo(ctx, "k")
	require.NoError(t, err)
	_, err = c.Get(t.Context(), "k")
	require.NoError(t, err)

	var sources []cacheable.Source
	for _, info := range calls.All() {
		require.Equal(t, "outer", info.Cache)
		require.Positive(t, info.Took)
		sources = append(sources, info.Source)
	}
	require.Equal(t, []cacheable.Source{cacheable.SourceMiss, cacheable.SourceHit, cacheable.SourceHit}, sources)
	last, ok := calls.Last()
	require.True(t, ok)
	require.Equal(t, calls.All()[2], last)
}

// A loader has the values of its caller's context, so its own reads of other caches are collected too.
func TestWithInfoCollectsTheReadsOfALoader(t *testing.T) {
	rdb := redistest.Start(t).Client(t)
	st := open(t, rdb)
	inner := cacheable.New(st, "inner", constant(1))
	outer := cacheable.New(st, "outer", inner.Get)
	ctx, calls := cacheable.WithInfo(t.Context())
	_, err := outer.Get(ctx, "k")
	require.NoError(t, err)
	var caches []string
	for _, info := range calls.All() {
		caches = append(caches, info.Cache)
	}
	require.Equal(t, []string{"inner", "outer"}, caches)
}

func TestInfoCanBeCollectedByManyReadersAtOnce(t *testing.T) {
	rdb := redistest.Start(t).Client(t)
	c := cacheable.New(open(t, rdb), "c", constant(1))
	ctx, calls := cacheable.WithInfo(t.Context())
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			_, err := c.Get(ctx, "k")
			assert.NoError(t, err)
			_ = calls.All()
		})
	}
	wg.Wait()
	require.Len(t, calls.All(), 20)
}

// Each answer has the right source, and is counted under it.
func TestTheSourcesOfAnswers(t *testing.T) {
	rdb := redistest.Start(t).Client(t)
	st := open(t, rdb)
	c := cacheable.New(st, "c", func(_ context.Context, key string) (int, error) {
		if key == "none" {
			return 0, errNoRows
		}
		return 1, nil
	}, cacheable.NotFound(func(err error) bool { return errors.Is(err, errNoRows) }, time.Minute))
	read := func(key string, want cacheable.Source) {
		t.Helper()
		_, info, _ := c.GetInfo(t.Context(), key)
		require.Equal(t, want, info.Source, "%v, not %v", info.Source, want)
	}
	read("k", cacheable.SourceMiss)
	read("k", cacheable.SourceHit)
	read("none", cacheable.SourceMiss)
	read("none", cacheable.SourceNegative)
	hold := evict.Around(func(context.Context, string) (int, error) {
		read("k", cacheable.SourceBypass)
		return 0, nil
	}, evict.Key(c, func(k string) string { return k }))
	_, err := hold(t.Context(), "k")
	require.NoError(t, err)
	read("k", cacheable.SourceMiss)

	counts := requireReads(t, st, "c", 6)
	require.EqualValues(t, 1, counts.Hits)
	require.EqualValues(t, 1, counts.NegativeHits)
	require.EqualValues(t, 3, counts.Misses)
	require.EqualValues(t, 1, counts.Bypasses)
	require.EqualValues(t, 4, counts.Loads)
	require.Zero(t, counts.LoadErrors, "an accepted absence is none")

	names := map[cacheable.Source]string{
		cacheable.SourceMiss: "miss", cacheable.SourceHit: "hit", cacheable.SourceStale: "stale", cacheable.SourceNegative: "negative",
		cacheable.SourceBypass: "bypass", cacheable.Source(99): "unknown",
	}
	for source, name := range names {
		require.Equal(t, name, source.String())
	}
}
