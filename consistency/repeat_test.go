package consistency_test

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
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

// seldom answers otherwise once in n times, by chance, but the same in each run.
func seldom(n int) func(context.Context, string) (string, error) {
	var mu sync.Mutex
	chance := rand.New(rand.NewPCG(1, uint64(n)))
	return func(context.Context, string) (string, error) {
		mu.Lock()
		defer mu.Unlock()
		if chance.IntN(n) == 0 {
			return "otherwise", nil
		}
		return "as always", nil
	}
}

// A loader with several right answers is not accused, whatever it does: for at most one hit in a hundred, and of one key
// when the monitor does not know the loader yet.
func TestLoadersThatDoNotRepeatTheirAnswersAreNotAccused(t *testing.T) {
	for name, run := range map[string]func(t *testing.T, rdb redis.UniversalClient){
		"map order of three":    accuses(orderOfMap(3)),
		"two of three":          accuses(orderOfMap(2)),
		"float sums":            accuses(sumInAnyOrder),
		"time zones":            accuses(inAnyZone),
		"time rounded to 10 s":  accuses(roundedNow),
		"now":                   accuses(now),
		"ties broken at random": accuses(oneOf("x", "y")),
		"one of ten":            accuses(oneOf(names("%d", 10)...)),
		"otherwise once in 5":   accuses(seldom(5)),
		"otherwise once in 20":  accuses(seldom(20)),
		"otherwise once in 100": accuses(seldom(100)),
	} {
		t.Run(name, func(t *testing.T) { redistest.Bubble(t, run) })
	}
}

func accuses[V any](load func(context.Context, string) (V, error)) func(t *testing.T, rdb redis.UniversalClient) {
	return func(t *testing.T, rdb redis.UniversalClient) {
		const hits = 3800
		w := watch(t, rdb, load)
		w.read(t, hits+200, names("list-%d", 200)...)
		k := w.settle()
		t.Logf("of %d hits %d equal, %d wrong, %d explained, %d unsettled; %d repaired", hits, k.Equal, k.Differs, k.Explained, k.Unsettled, k.Repaired)
		require.LessOrEqual(t, k.Differs, int64(hits/100))
		require.LessOrEqual(t, k.Repaired, int64(10), "Fix soon stops")
		require.Zero(t, k.Dropped+k.Failed+k.Skipped)
	}
}

// changing is a source whose loader gives one of the answers of a key, of which the first is the one to be cached.
type changing struct {
	mu      sync.Mutex
	answers func(key string) string
}

func (c *changing) load(_ context.Context, key string) (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.answers(key), nil
}

func (c *changing) answer(f func(key string) string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.answers = f
}

// A stale value is found although the loader seldom repeats its answer. The class says what is wrong with it, it is logged
// once, and Fix leaves the entry, until the loader has repeated its answers for some time.
func TestAStaleValueIsFoundAmongAnswersThatAreNotRepeated(t *testing.T) {
	redistest.Bubble(t, func(t *testing.T, rdb redis.UniversalClient) {
		var log bytes.Buffer
		chance := rand.New(rand.NewPCG(1, 1))
		version, slips := 1, true
		source := &changing{answers: func(key string) string {
			if slips && chance.IntN(50) == 0 {
				return "otherwise"
			}
			if key == "k-7" {
				return fmt.Sprint(version)
			}
			return key
		}}
		st, err := store.Open(t.Context(), rdb, store.Namespace("shop"), store.Logger(logger(&log)))
		require.NoError(t, err)
		c := cacheable.New(st, "row", source.load, cacheable.TTL(24*time.Hour))
		m := consistency.NewMonitor(c, consistency.Sample(1), consistency.Fix())
		defer func() { m.Close(); require.NoError(t, st.Close()) }()
		w, keys := watched[string]{st, c, m}, names("k-%d", 40)
		w.read(t, 80, keys...)
		class := func() consistency.Class { return m.Report().Classes[0] }
		for tries := 0; class().Status == ""; tries++ {
			require.Less(t, tries, 100)
			w.read(t, 40, keys...)
		}
		require.Equal(t, consistency.DoesNotRepeat, class().Status)
		require.GreaterOrEqual(t, class().Slips, int64(2))
		require.EqualValues(t, 1, checks(st, "row").Unrepeating)
		before := w.settle()

		stale := func() (found bool) {
			w.read(t, 1, "k-7")
			w.settle()
			for _, f := range m.Report().Findings {
				found = found || f.Key == c.EntryKey("k-7").String() && f.Found.After(time.Now().Add(-time.Minute))
			}
			return found
		}
		version = 2
		tries := 1
		for ; !stale(); tries++ {
			require.Less(t, tries, 30)
		}
		t.Logf("found after %d hits", tries)
		require.Equal(t, before.Repaired, checks(st, "row").Repaired, "Fix leaves it")
		require.Contains(t, m.Report().String(), "k-*: the loader does not repeat its answers")

		slips = false
		keys = slices.DeleteFunc(keys, func(key string) bool { return key == "k-7" })
		require.NoError(t, c.Evict(t.Context(), keys...))
		w.read(t, 39, keys...)
		w.read(t, 150, keys...)
		require.Equal(t, consistency.DoesNotRepeat, class().Status, "not yet")
		w.read(t, 160, keys...)
		require.Empty(t, class().Status, "it is trusted again")
		require.Zero(t, checks(st, "row").Unrepeating)
		w.read(t, 1, "k-7")
		w.settle()
		require.Equal(t, before.Repaired+1, checks(st, "row").Repaired)
		require.Equal(t, 1, strings.Count(log.String(), "does not repeat its answers"), log.String())
	})
}

// A class that repeats its answers is trusted although another of the cache does not, once it has shown that.
func TestClassesAreJudgedApart(t *testing.T) {
	redistest.Bubble(t, func(t *testing.T, rdb redis.UniversalClient) {
		version := 1
		source := &changing{}
		source.answer(func(key string) string {
			if strings.HasPrefix(key, "list") {
				return fmt.Sprint(rand.IntN(3))
			}
			return fmt.Sprint(version)
		})
		w := watch(t, rdb, source.load)
		lists, prices := names("list-%d", 20), names("price-%d", 20)
		w.read(t, 200, lists...)
		w.read(t, 40, prices...)
		w.settle()
		statuses := func() map[string]string {
			all := make(map[string]string)
			for _, class := range w.m.Report().Classes {
				all[class.Name] = class.Status
			}
			return all
		}
		require.Equal(t, map[string]string{"list-*": consistency.DoesNotRepeat, "price-*": ""}, statuses())
		w.read(t, 300, prices...)
		w.read(t, 100, append(lists, prices...)...)
		version = 2
		repaired := checks(w.st, "row").Repaired
		w.read(t, 20, prices...)
		w.settle()
		require.Equal(t, repaired+20, checks(w.st, "row").Repaired)
		require.Equal(t, map[string]string{"list-*": consistency.DoesNotRepeat, "price-*": ""}, statuses())
	})
}

// An audit learns as a monitor does. It ends, and repairs nothing that it can't compare, but for the first of the class: its
// loader may repeat an answer by chance before anything is known of it.
func TestAuditOfALoaderThatDoesNotRepeatItsAnswers(t *testing.T) {
	redistest.Bubble(t, func(t *testing.T, rdb redis.UniversalClient) {
		st, err := store.Open(t.Context(), rdb, store.Namespace("shop"), store.Logger(quiet))
		require.NoError(t, err)
		defer func() { require.NoError(t, st.Close()) }()
		load := orderOfMap(3)
		c := cacheable.NewMany(st, "row", func(ctx context.Context, keys []string) (map[string][]string, error) {
			all := make(map[string][]string)
			for _, key := range keys {
				all[key], _ = load(ctx, key)
			}
			return all, nil
		}, cacheable.TTL(time.Hour))
		_, err = c.GetAll(t.Context(), names("list-%d", 1000))
		require.NoError(t, err)
		r, err := consistency.Audit(t.Context(), c, consistency.Fix())
		require.NoError(t, err)
		t.Logf("%+v", r.Checks)
		require.Less(t, r.Checks.Differs, int64(10))
		require.LessOrEqual(t, r.Checks.Repaired, int64(1))
		require.Greater(t, r.Checks.Unsettled, int64(300))
		require.EqualValues(t, 1, r.Checks.Unrepeating)
		require.Equal(t, consistency.DoesNotRepeat, r.Classes[0].Status)
		require.Contains(t, r.String(), "list-*: the loader does not repeat its answers")
		require.Zero(t, checks(st, "row").Unrepeating, "the audit is over")
	})
}
