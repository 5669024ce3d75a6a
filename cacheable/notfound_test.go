package cacheable_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/cacheable"
	"github.com/jollyjet/aside/internal/redistest"
)

func isNoRows(err error) bool { return errors.Is(err, errNoRows) }

// lookup is a source that has nothing until a test gives it a value.
type lookup struct {
	found atomic.Bool
	loads atomic.Int64
}

func (l *lookup) load(_ context.Context, key string) (string, error) {
	l.loads.Add(1)
	if l.found.Load() {
		return "value of " + key, nil
	}
	return "", fmt.Errorf("lookup of %s: %w", key, errNoRows)
}

func TestAnAbsenceIsCachedAndMatchesTheErrorsOfTheSource(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		st, src := open(t, rdb), lookup{}
		c := cacheable.New(st, "c", src.load, cacheable.TTL(time.Hour), cacheable.NotFound(isNoRows, time.Minute))
		_, info, err := c.GetInfo(t.Context(), "k")
		require.EqualError(t, err, "lookup of k: no rows", "the loader's own error, as it is")
		require.Equal(t, cacheable.SourceMiss, info.Source)

		v, info, err := c.GetInfo(t.Context(), "k")
		require.Empty(t, v)
		require.Equal(t, cacheable.SourceNegative, info.Source)
		require.ErrorIs(t, err, errNoRows)
		require.ErrorIs(t, err, cacheable.ErrNotFound)
		require.ErrorIs(t, fmt.Errorf("around it: %w", err), errNoRows)
		require.NotErrorIs(t, err, context.Canceled)
		require.NotErrorIs(t, err, cacheable.ErrTimeout)
		require.ErrorContains(t, err, "k")

		_, ok, err := c.Peek(t.Context(), "k")
		require.True(t, ok)
		require.ErrorIs(t, err, errNoRows)
		require.EqualValues(t, 1, src.loads.Load())

		left, err := rdb.PTTL(t.Context(), c.EntryKey("k").String()).Result()
		require.NoError(t, err)
		require.LessOrEqual(t, left, time.Minute, "its own time to live")
		require.Greater(t, left, 50*time.Second)
		counts := requireReads(t, st, "c", 2)
		require.EqualValues(t, 1, counts.NegativeHits)
		require.Zero(t, counts.LoadErrors)
	})
}

func TestAnAbsenceEndsWithPutEvictAndRefresh(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		for _, tt := range []struct {
			name string
			end  func(ctx context.Context, c *cacheable.Cacheable[string, string]) error
		}{
			{"put", func(ctx context.Context, c *cacheable.Cacheable[string, string]) error {
				return c.Put(ctx, "k", "value of k")
			}},
			{"evict", func(ctx context.Context, c *cacheable.Cacheable[string, string]) error { return c.Evict(ctx, "k") }},
			{"refresh", func(ctx context.Context, c *cacheable.Cacheable[string, string]) error {
				_, err := c.Refresh(ctx, "k")
				return err
			}},
		} {
			t.Run(tt.name, func(t *testing.T) {
				src := lookup{}
				c := cacheable.New(open(t, rdb), "c", src.load, cacheable.NotFound(isNoRows, time.Minute))
				_, err := c.Get(t.Context(), "k")
				require.ErrorIs(t, err, errNoRows)
				src.found.Store(true)
				_, err = c.Get(t.Context(), "k")
				require.ErrorIs(t, err, errNoRows)
				require.NoError(t, tt.end(t.Context(), c))
				v, err := c.Get(t.Context(), "k")
				require.NoError(t, err)
				require.Equal(t, "value of k", v)
			})
		}
	})
}

// A refresh that finds no value at the source removes the value from the cache too.
func TestRefreshStoresAnAbsenceOverAValue(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		src := lookup{}
		src.found.Store(true)
		c := cacheable.New(open(t, rdb), "c", src.load, cacheable.NotFound(isNoRows, time.Minute))
		_, err := c.Get(t.Context(), "k")
		require.NoError(t, err)
		src.found.Store(false)
		_, err = c.Refresh(t.Context(), "k")
		require.EqualError(t, err, "lookup of k: no rows")
		_, info, err := c.GetInfo(t.Context(), "k")
		require.ErrorIs(t, err, errNoRows)
		require.Equal(t, cacheable.SourceNegative, info.Source)
	})
}

func TestWithoutNotFoundAnAbsenceIsAnErrorLikeAnyOther(t *testing.T) {
	st, src := open(t, redistest.Start(t).Client(t)), lookup{}
	c := cacheable.New(st, "c", src.load)
	for range 3 {
		_, err := c.Get(t.Context(), "k")
		require.EqualError(t, err, "lookup of k: no rows")
	}
	require.EqualValues(t, 3, src.loads.Load())
	require.EqualValues(t, 3, st.Stats().Caches["c"].LoadErrors)
}

func TestOnlyAcceptedErrorsAreAbsences(t *testing.T) {
	st := open(t, redistest.Start(t).Client(t))
	failure := errors.New("connection refused")
	c := cacheable.New(st, "c", func(context.Context, string) (int, error) { return 0, failure }, cacheable.NotFound(isNoRows, time.Minute))
	for range 2 {
		_, err := c.Get(t.Context(), "k")
		require.Equal(t, failure, err)
	}
	require.EqualValues(t, 2, st.Stats().Caches["c"].Loads)
}

// One version of a program caches absences and another does not. The latter never takes an absence for a value.
func TestACacheThatDoesNotKnowAbsencesLoads(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		stores, src := fleet(t, rdb, 2), lookup{}
		with := cacheable.New(stores[0], "c", src.load, cacheable.NotFound(isNoRows, time.Minute))
		without := cacheable.New(stores[1], "c", src.load)
		_, err := with.Get(t.Context(), "k")
		require.ErrorIs(t, err, errNoRows)
		_, ok, err := without.Peek(t.Context(), "k")
		require.NoError(t, err)
		require.False(t, ok)
		_, err = without.Get(t.Context(), "k")
		require.EqualError(t, err, "lookup of k: no rows")
		src.found.Store(true)
		for _, c := range []*cacheable.Cacheable[string, string]{without, with} {
			v, err := c.Get(t.Context(), "k")
			require.NoError(t, err)
			require.Equal(t, "value of k", v)
		}
	})
}

// A cache in front of a cache: the outer one accepts the inner one's error for a cached absence.
func TestAnAbsencePassesThroughTwoCaches(t *testing.T) {
	st, src := open(t, redistest.Start(t).Client(t)), lookup{}
	inner := cacheable.New(st, "inner", src.load, cacheable.NotFound(isNoRows, time.Minute))
	outer := cacheable.New(st, "outer", inner.Get, cacheable.NotFound(isNoRows, time.Minute))
	_, err := inner.Get(t.Context(), "k")
	require.ErrorIs(t, err, errNoRows)
	for range 2 {
		_, err = outer.Get(t.Context(), "k")
		require.ErrorIs(t, err, errNoRows)
		require.ErrorIs(t, err, cacheable.ErrNotFound)
	}
	require.EqualValues(t, 1, src.loads.Load())
	require.EqualValues(t, 1, st.Stats().Caches["outer"].NegativeHits)
}

// All callers that wait for one load get its error, including late ones.
func TestAllWhoWaitGetTheAbsence(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		crowd := newCrowd()
		c := cacheable.New(open(t, rdb), "c", func(context.Context, string) (int, error) {
			crowd.hold()
			return 0, errNoRows
		}, cacheable.NotFound(isNoRows, time.Minute))
		calls := gather(t, crowd, 20, func() (int, error) { return c.Get(t.Context(), "k") })
		close(crowd.finish)
		for _, call := range calls {
			_, err := call.wait(t)
			require.ErrorIs(t, err, errNoRows)
		}
		require.EqualValues(t, 1, crowd.loads.Load())
	})
}
