package consistency_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/cacheable"
	"github.com/jollyjet/aside/consistency"
	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/store"
)

// watched is a cache in a bubble whose hits are all compared, with Fix.
type watched[V any] struct {
	st    *store.Store
	cache *cacheable.Cacheable[string, V]
	m     *consistency.Monitor
}

func watch[V any](t *testing.T, rdb redis.UniversalClient, load func(context.Context, string) (V, error), options ...consistency.Option) watched[V] {
	t.Helper()
	st, err := store.Open(t.Context(), rdb, store.Namespace("shop"), store.Logger(quiet))
	require.NoError(t, err)
	c := cacheable.New(st, "row", load, cacheable.TTL(time.Hour))
	m := consistency.NewMonitor(c, append([]consistency.Option{consistency.Sample(1), consistency.Fix()}, options...)...)
	t.Cleanup(func() { m.Close(); require.NoError(t, st.Close()) })
	return watched[V]{st, c, m}
}

// read reads the keys in turn, n times in all, every 50 ms.
func (w watched[V]) read(t *testing.T, n int, keys ...string) {
	t.Helper()
	for i := range n {
		_, err := w.cache.Get(t.Context(), keys[i%len(keys)])
		require.NoError(t, err)
		time.Sleep(50 * time.Millisecond)
	}
}

func (w watched[V]) settle() store.CheckStats {
	time.Sleep(time.Minute)
	synctest.Wait()
	return checks(w.st, "row")
}

// set is a source with rows in no order.
var set = map[string]bool{"a": true, "b": true, "c": true}

func orderOfMap(n int) func(context.Context, string) ([]string, error) {
	return func(context.Context, string) (all []string, err error) {
		for name := range set {
			if all = append(all, name); len(all) == n {
				break
			}
		}
		return all, nil
	}
}

// sumInAnyOrder adds up the same numbers in another order each time.
func sumInAnyOrder(context.Context, string) (sum float64, err error) {
	all := []float64{0.1, 0.2, 0.3, 1e-3, 7.7, 1234.5678, 0.3333}
	rand.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	for _, x := range all {
		sum += x
	}
	return sum, nil
}

var created = time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)

func inAnyZone(context.Context, string) (time.Time, error) {
	return created.In(time.FixedZone("", 3600*rand.IntN(3))), nil
}

func roundedNow(context.Context, string) (string, error) {
	return time.Now().Round(10 * time.Second).String(), nil
}

func now(context.Context, string) (int64, error) {
	return time.Now().UnixNano() + rand.Int64N(1000), nil
}

func oneOf(answers ...string) func(context.Context, string) (string, error) {
	return func(context.Context, string) (string, error) { return answers[rand.IntN(len(answers))], nil }
}

// seldom answers otherwise once in n times.
func seldom(n int) func(context.Context, string) (string, error) {
	return func(context.Context, string) (string, error) {
		if rand.IntN(n) == 0 {
			return "otherwise", nil
		}
		return "as always", nil
	}
}

// A loader with several right answers is not accused, whatever it does: at most one hit in a hundred, plus one when the
// monitor does not know it yet.
func TestLoadersThatDoNotRepeatThemselvesAreNotAccused(t *testing.T) {
	const hits = 4000
	for name, run := range map[string]func(t *testing.T, rdb redis.UniversalClient) store.CheckStats{
		"map order of three": func(t *testing.T, rdb redis.UniversalClient) store.CheckStats {
			return accused(t, rdb, hits, orderOfMap(3))
		},
		"two of three": func(t *testing.T, rdb redis.UniversalClient) store.CheckStats {
			return accused(t, rdb, hits, orderOfMap(2))
		},
		"float sums": func(t *testing.T, rdb redis.UniversalClient) store.CheckStats {
			return accused(t, rdb, hits, sumInAnyOrder)
		},
		"time zones": func(t *testing.T, rdb redis.UniversalClient) store.CheckStats {
			return accused(t, rdb, hits, inAnyZone)
		},
		"time rounded to 10 s": func(t *testing.T, rdb redis.UniversalClient) store.CheckStats {
			return accused(t, rdb, hits, roundedNow)
		},
		"now": func(t *testing.T, rdb redis.UniversalClient) store.CheckStats { return accused(t, rdb, hits, now) },
		"ties broken at random": func(t *testing.T, rdb redis.UniversalClient) store.CheckStats {
			return accused(t, rdb, hits, oneOf("x", "y"))
		},
		"otherwise once in 5": func(t *testing.T, rdb redis.UniversalClient) store.CheckStats {
			return accused(t, rdb, hits, seldom(5))
		},
		"otherwise once in 20": func(t *testing.T, rdb redis.UniversalClient) store.CheckStats {
			return accused(t, rdb, hits, seldom(20))
		},
		"otherwise once in 100": func(t *testing.T, rdb redis.UniversalClient) store.CheckStats {
			return accused(t, rdb, hits, seldom(100))
		},
	} {
		t.Run(name, func(t *testing.T) {
			redistest.Bubble(t, func(t *testing.T, rdb redis.UniversalClient) {
				k := run(t, rdb)
				t.Logf("%+v", k)
				require.LessOrEqual(t, k.Differs, int64(hits/100+3))
			})
		})
	}
}

func accused[V any](t *testing.T, rdb redis.UniversalClient, hits int, load func(context.Context, string) (V, error)) store.CheckStats {
	w := watch(t, rdb, load)
	w.read(t, hits, names("list-%d", 200)...)
	return w.settle()
}

var _ = fmt.Sprint
var _ = slices.Sort[[]int]
