package cacheable_test

import (
	"context"
	"math"
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

type basket struct {
	Owner *string
	Items []string
	Price map[string]int
}

func fullBasket() basket {
	owner := "Ann"
	return basket{Owner: &owner, Items: []string{"a", "b"}, Price: map[string]int{"a": 1}}
}

// Callers that share a load, and callers that hit, change their values while others read theirs. The race detector
// checks that none is shared.
func TestWhatACallerDoesToItsValueNoOtherSees(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		t.Run("struct", func(t *testing.T) {
			spoil(t, rdb, fullBasket, func(b basket) {
				*b.Owner, b.Items[0], b.Price["a"], b.Price["x"] = "Eve", "stolen", -1, 1
			})
		})
		t.Run("pointer", func(t *testing.T) {
			spoil(t, rdb, func() *basket { b := fullBasket(); return &b }, func(b *basket) { *b = basket{}; b.Items = nil })
		})
		t.Run("slice", func(t *testing.T) {
			spoil(t, rdb, func() []int { return []int{1, 2, 3} }, func(s []int) { s[0]++; _ = append(s[:1], 9) })
		})
		t.Run("bytes", func(t *testing.T) {
			spoil(t, rdb, func() []byte { return []byte("abc") }, func(b []byte) { b[1]++ })
		})
		t.Run("map", func(t *testing.T) {
			spoil(t, rdb, func() map[string]int { return map[string]int{"a": 1} }, func(m map[string]int) { m["a"]++; delete(m, "b") })
		})
		t.Run("interface", func(t *testing.T) {
			spoil(t, rdb, func() any { return map[string]any{"a": "b"} }, func(v any) { v.(map[string]any)["a"] = 1 })
		})
		t.Run("array", func(t *testing.T) {
			spoil(t, rdb, func() [2]*int { return [2]*int{new(1), new(2)} }, func(v [2]*int) { *v[0] = 9 })
		})
	})
}

// spoil lets many callers change their values; some share a load and some hit.
func spoil[V any](t *testing.T, rdb redis.UniversalClient, fresh func() V, change func(V)) {
	t.Helper()
	c := cacheable.New(open(t, rdb), "c", func(context.Context, string) (V, error) {
		time.Sleep(10 * time.Millisecond)
		return fresh(), nil
	})
	want := fresh()
	check := func(get func(context.Context, string) (V, error)) {
		v, err := get(t.Context(), "k")
		assert.NoError(t, err)
		assert.Equal(t, want, v)
		change(v)
	}
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			check(c.Get)
			check(c.Get)
			check(c.Refresh)
		})
	}
	wg.Wait()
	check(func(ctx context.Context, k string) (V, error) {
		v, ok, err := c.Peek(ctx, k)
		assert.True(t, ok)
		return v, err
	})
	check(c.Get)
}

// The loader's own value is not handed to two callers: what the loader returned belongs to one of them.
func TestTheLoadedValueIsGivenToOneCallerOnly(t *testing.T) {
	crowd := newCrowd()
	c := cacheable.New(open(t, redistest.Start(t).Client(t)), "c", func(context.Context, string) (*int, error) {
		crowd.hold()
		return new(1), nil
	})
	seen := map[*int]bool{}
	calls := gather(t, crowd, 20, func() (*int, error) { return c.Get(t.Context(), "k") })
	close(crowd.finish)
	for _, call := range calls {
		v, err := call.wait(t)
		require.NoError(t, err)
		require.Equal(t, 1, *v)
		seen[v] = true
	}
	require.Len(t, seen, 20)
}

// Values that can't be encoded are not cached, but the callers get them.
func TestAValueThatCannotBeEncodedIsReturnedAndCounted(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		st := open(t, rdb)
		unencodable(t, st, "nan", math.NaN())
		unencodable(t, st, "chan", make(chan int))
		unencodable[any](t, st, "func", func() {})
		unencodable(t, st, "inside", map[string]any{"f": math.Inf(1)})
	})
}

func unencodable[V any](t *testing.T, st *store.Store, name string, v V) {
	t.Helper()
	c := cacheable.New(st, name, constant(v))
	for range 2 {
		_, info, err := c.GetInfo(t.Context(), "k")
		require.NoError(t, err)
		require.Equal(t, cacheable.SourceMiss, info.Source)
	}
	_, err := c.Refresh(t.Context(), "k")
	require.NoError(t, err)
	counts := requireReads(t, st, name, 2)
	require.EqualValues(t, 3, counts.Unencodable)
	require.EqualValues(t, 3, counts.Loads)

	require.ErrorContains(t, c.Put(t.Context(), "k", v), "cacheable: "+name+": encode: ")
	_, ok, err := c.Peek(t.Context(), "k")
	require.NoError(t, err)
	require.False(t, ok)
}
