package cacheable_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/cacheable"
	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/store"
)

// batches is a loader of several values that records the keys that it was asked for.
type batches struct {
	mu    sync.Mutex
	asked [][]string
	fail  error
}

func (b *batches) load(_ context.Context, keys []string) (map[string]string, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.asked = append(b.asked, slices.Sorted(slices.Values(keys)))
	if b.fail != nil {
		return nil, b.fail
	}
	values := map[string]string{"not asked for": "x"}
	for _, key := range keys {
		if key != "none" {
			values[key] = "value of " + key
		}
	}
	return values, nil
}

func (b *batches) take() [][]string {
	b.mu.Lock()
	defer b.mu.Unlock()
	asked := b.asked
	b.asked = nil
	return asked
}

func TestManyLoadsOnlyWhatIsMissing(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		b, st := &batches{}, openStore(t, rdb)
		many := cacheable.NewMany(st, "many", b.load, cacheable.NotFound(func(error) bool { return false }, time.Minute))

		got, err := many.GetAll(t.Context(), nil)
		require.NoError(t, err)
		require.Empty(t, got)
		require.Empty(t, b.take(), "the loader is never asked for nothing")

		got, err = many.GetAll(t.Context(), []string{"a", "b", "a", "none"})
		require.NoError(t, err)
		require.Equal(t, map[string]string{"a": "value of a", "b": "value of b"}, got)
		require.Equal(t, [][]string{{"a", "b", "none"}}, b.take())

		got, err = many.GetAll(t.Context(), []string{"none", "c", "b"})
		require.NoError(t, err)
		require.Equal(t, map[string]string{"b": "value of b", "c": "value of c"}, got)
		require.Equal(t, [][]string{{"c"}}, b.take(), "the absence is cached too")

		v, err := many.Get(t.Context(), "c")
		require.NoError(t, err)
		require.Equal(t, "value of c", v)
		_, err = many.Get(t.Context(), "none")
		require.ErrorIs(t, err, cacheable.ErrNotFound)
		require.Empty(t, b.take())

		require.NoError(t, many.Evict(t.Context(), "a", "none"))
		_, err = many.GetAll(t.Context(), []string{"a", "b", "none"})
		require.NoError(t, err)
		require.Equal(t, [][]string{{"a", "none"}}, b.take())
	})
}

func TestManySharesEntriesWithNew(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		b, st := &batches{}, openStore(t, rdb)
		many := cacheable.NewMany(st, "both", b.load, cacheable.Shared())
		one := cacheable.New(st, "both", func(_ context.Context, key string) (string, error) { return "one " + key, nil }, cacheable.Shared())
		_, err := one.Get(t.Context(), "a")
		require.NoError(t, err)
		got, err := many.GetAll(t.Context(), []string{"a", "b"})
		require.NoError(t, err)
		require.Equal(t, map[string]string{"a": "one a", "b": "value of b"}, got)
		v, err := one.Get(t.Context(), "b")
		require.NoError(t, err)
		require.Equal(t, "value of b", v)
	})
}

func TestManyInChunks(t *testing.T) {
	b, st := &batches{}, openStore(t, miniClient(t))
	many := cacheable.NewMany(st, "many", b.load, cacheable.MaxBatch(3))
	keys := []string{"a", "b", "c", "d", "e", "f", "g"}
	got, err := many.GetAll(t.Context(), keys)
	require.NoError(t, err)
	require.Len(t, got, 7)
	asked := b.take()
	require.Len(t, asked, 3)
	require.Equal(t, keys, slices.Sorted(slices.Values(slices.Concat(asked...))))
}

func TestManyReturnsWhatItHasWithTheError(t *testing.T) {
	b, st := &batches{}, openStore(t, miniClient(t))
	many := cacheable.NewMany(st, "many", b.load)
	_, err := many.GetAll(t.Context(), []string{"a"})
	require.NoError(t, err)
	b.fail = errors.New("no database")
	got, err := many.GetAll(t.Context(), []string{"a", "b"})
	require.ErrorIs(t, err, b.fail)
	require.Equal(t, map[string]string{"a": "value of a"}, got)
}

// One round trip reads a hundred keys of which ninety are cached, and the loader is called once for the other ten.
// Their leases are taken in a second round trip, and they are stored in a third.
func TestManyCountsRoundTrips(t *testing.T) {
	server := redistest.Start(t)
	b, sent := &batches{}, &redistest.Commands{}
	st := openStore(t, server.Client(t), store.Hooks(sent.Hook()))
	waitForFeed(t, st)
	many := cacheable.NewMany(st, "many", b.load)
	keys := make([]string, 100)
	for i := range keys {
		keys[i] = fmt.Sprint(i)
	}
	_, err := many.GetAll(t.Context(), keys[:90])
	require.NoError(t, err)
	b.take()
	_, err = many.GetAll(t.Context(), keys[:90]) // reads the versions, and keeps them
	require.NoError(t, err)

	before := trips(sent)
	got, err := many.GetAll(t.Context(), keys)
	require.NoError(t, err)
	require.Len(t, got, 100)
	require.Equal(t, [][]string{slices.Sorted(slices.Values(keys[90:]))}, b.take())
	require.Equal(t, 3, trips(sent)-before, "read, claim, store")

	before = trips(sent)
	_, err = many.GetAll(t.Context(), keys)
	require.NoError(t, err)
	require.Equal(t, 1, trips(sent)-before)
}

// Singles and batches of many callers on several nodes: every key is loaded once.
func TestManyStampede(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		b, namespace := &batches{}, redistest.Unique(t)
		keys := []string{"a", "b", "c", "d", "e", "f", "g", "h"}
		slow := func(ctx context.Context, ks []string) (map[string]string, error) {
			time.Sleep(30 * time.Millisecond) // the load takes its time
			return b.load(ctx, ks)
		}
		var wg sync.WaitGroup
		for range 3 {
			many := cacheable.NewMany(openIn(t, rdb, namespace), "many", slow)
			for i := range 20 {
				wg.Go(func() {
					if i%2 == 0 {
						v, err := many.Get(t.Context(), keys[i%8])
						assert.NoError(t, err)
						assert.Equal(t, "value of "+keys[i%8], v)
						return
					}
					got, err := many.GetAll(t.Context(), keys[i%5:])
					assert.NoError(t, err)
					assert.Len(t, got, len(keys[i%5:]))
				})
			}
		}
		wg.Wait()
		loads := map[string]int{}
		for _, key := range slices.Concat(b.take()...) {
			loads[key]++
		}
		for _, key := range keys {
			require.Equal(t, 1, loads[key], key)
		}
	})
}
