package evict_test

import (
	"context"
	"errors"
	"runtime"
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/cacheable"
	"github.com/jollyjet/aside/evict"
	"github.com/jollyjet/aside/internal/redistest"
)

// decorators are all four decorators, as functions that return a result.
var decorators = map[string]func(func(context.Context, change) (int64, error), ...evict.Target[change]) func(context.Context, change) (int64, error){
	"After":  evict.After[change, int64],
	"Around": evict.Around[change, int64],
	"AfterErr": func(write func(context.Context, change) (int64, error), targets ...evict.Target[change]) func(context.Context, change) (int64, error) {
		return onlyError(write, evict.AfterErr[change], targets)
	},
	"AroundErr": func(write func(context.Context, change) (int64, error), targets ...evict.Target[change]) func(context.Context, change) (int64, error) {
		return onlyError(write, evict.AroundErr[change], targets)
	},
}

func onlyError(write func(context.Context, change) (int64, error),
	decorate func(func(context.Context, change) error, ...evict.Target[change]) func(context.Context, change) error,
	targets []evict.Target[change],
) func(context.Context, change) (int64, error) {
	var result int64
	decorated := decorate(func(ctx context.Context, c change) (err error) {
		result, err = write(ctx, c)
		return err
	}, targets...)
	return func(ctx context.Context, c change) (int64, error) { err := decorated(ctx, c); return result, err }
}

// eachDecorator runs fn with a cache on two nodes, and a decorated write on the first.
func eachDecorator(t *testing.T, write func(context.Context, change) (int64, error), src *table,
	fn func(t *testing.T, write func(context.Context, change) (int64, error), a, b *cache),
) {
	t.Helper()
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		for name, decorate := range decorators {
			t.Run(name, func(t *testing.T) {
				stores := fleet(t, rdb, 2)
				a, b := cacheable.New(stores[0], "c", src.load), cacheable.New(stores[1], "c", src.load)
				fn(t, decorate(write, evict.Key(a, keyOf)), a, b)
			})
		}
	})
}

func TestResultAndErrorAreReturnedAsTheyWere(t *testing.T) {
	src, failure := &table{}, errors.New("constraint violated")
	write := func(_ context.Context, c change) (int64, error) {
		if c.Value < 0 {
			return 77, failure
		}
		return src.write(t.Context(), c)
	}
	eachDecorator(t, write, src, func(t *testing.T, write func(context.Context, change) (int64, error), a, b *cache) {
		now, err := a.Get(t.Context(), "k")
		require.NoError(t, err)
		v, err := write(t.Context(), change{"k", now + 1})
		require.NoError(t, err)
		require.Equal(t, now+1, v)
		absent(t, "k", a, b)
		reads(t, now+1, "k", b, a)

		v, err = write(t.Context(), change{"k", -1})
		require.Equal(t, failure, err, "as it is, not wrapped")
		require.EqualValues(t, 77, v, "a result beside an error, too")
		absent(t, "k", a, b)
	})
}

func TestAWriteThatPanicsIsFollowedByTheEvictionAndTheSamePanic(t *testing.T) {
	src, cause := &table{}, errors.New("boom")
	write := func(_ context.Context, c change) (int64, error) {
		if _, err := src.write(t.Context(), c); err != nil {
			return 0, err
		}
		panic(cause)
	}
	eachDecorator(t, write, src, func(t *testing.T, write func(context.Context, change) (int64, error), a, b *cache) {
		now, err := a.Get(t.Context(), "k")
		require.NoError(t, err)
		func() {
			defer func() { require.Equal(t, cause, recover()) }()
			_, _ = write(t.Context(), change{"k", now + 1})
		}()
		absent(t, "k", a, b)
		reads(t, now+1, "k", b, a)
	})
}

func TestAWriteThatEndsItsGoroutineIsFollowedByTheEviction(t *testing.T) {
	src := &table{}
	write := func(_ context.Context, c change) (int64, error) {
		_, _ = src.write(t.Context(), c)
		runtime.Goexit()
		return 0, nil
	}
	eachDecorator(t, write, src, func(t *testing.T, write func(context.Context, change) (int64, error), a, b *cache) {
		now, err := a.Get(t.Context(), "k")
		require.NoError(t, err)
		done := make(chan struct{})
		go func() { defer close(done); _, _ = write(t.Context(), change{"k", now + 1}) }()
		<-done
		absent(t, "k", a, b)
		reads(t, now+1, "k", b, a)
	})
}

// The write gets the caller's context unchanged; the eviction does not depend on it.
func TestAWriteWhoseContextHasEndedIsFollowedByTheEviction(t *testing.T) {
	src := &table{}
	type tag struct{}
	write := func(ctx context.Context, c change) (int64, error) {
		v, _ := src.write(ctx, c)
		require.Equal(t, "value", ctx.Value(tag{}))
		return v, ctx.Err()
	}
	eachDecorator(t, write, src, func(t *testing.T, write func(context.Context, change) (int64, error), a, b *cache) {
		now, err := a.Get(t.Context(), "k")
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(context.WithValue(t.Context(), tag{}, "value"))
		cancel()
		_, err = write(ctx, change{"k", now + 1})
		require.Equal(t, context.Canceled, err)
		redistest.Eventually(t, "an eviction that took longer than the write waits is carried out by the queue", func() bool {
			return a.Store().Stats().Pending == 0
		})
		absent(t, "k", a, b)
	})
}

func TestAWriteAfterTheStoreIsClosedIsCarriedOut(t *testing.T) {
	src := &table{}
	eachDecorator(t, src.write, src, func(t *testing.T, write func(context.Context, change) (int64, error), a, _ *cache) {
		require.NoError(t, a.Store().Close())
		v, err := write(t.Context(), change{"k", 5})
		require.NoError(t, err)
		require.EqualValues(t, 5, v)
		reads(t, 5, "k", a)
	})
}
