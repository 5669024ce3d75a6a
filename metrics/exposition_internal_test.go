package metrics

import (
	"flag"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/store"
)

var update = flag.Bool("update", false, "write testdata/exposition.txt anew")

const golden = "testdata/exposition.txt"

// first is the number in the first field of sample; further fields have the numbers after it.
const first = 1001

// sample returns statistics in which every number is different, and how many numbers there are.
func sample() (store.Stats, int) {
	var s store.Stats
	next := int64(first)
	fill(reflect.ValueOf(&s).Elem(), &next)
	s.Feed.Up = true
	s.Breakers.Masters, s.Breakers.Open = []string{"10.0.0.1:6379", "10.0.0.2:6379"}, []string{"10.0.0.2:6379", "left:6379"}
	var product store.CacheStats
	fill(reflect.ValueOf(&product).Elem(), &next)
	product.LoadTimes = store.Durations{Count: 9, Sum: 1500 * time.Millisecond, Buckets: []store.Bucket{
		{UpTo: 5 * time.Millisecond, Count: 4}, {UpTo: 2500 * time.Millisecond, Count: 8},
	}}
	s.Caches = map[string]store.CacheStats{"product": product, "a/new-one": {}}
	return s, int(next - first)
}

// fill numbers the int64 fields.
func fill(v reflect.Value, next *int64) {
	for _, field := range v.Fields() {
		switch f := field; {
		case f.Kind() == reflect.Struct && f.Type() != reflect.TypeFor[store.Durations]():
			fill(f, next)
		case f.CanInt():
			f.SetInt(*next)
			*next++
		}
	}
}

func sampled(s store.Stats) prometheus.Collector {
	return collector{newSource("shop", func() store.Stats { return s })}
}

func TestExposition(t *testing.T) {
	stats, _ := sample()
	if *update {
		registry := prometheus.NewPedanticRegistry()
		registry.MustRegister(sampled(stats))
		require.NoError(t, prometheus.WriteToTextfile(golden, registry))
	}
	want, err := os.Open(golden)
	require.NoError(t, err)
	defer func() { require.NoError(t, want.Close()) }()
	require.NoError(t, testutil.CollectAndCompare(sampled(stats), want))
}

func TestNamesAndHelpFollowTheConventions(t *testing.T) {
	stats, _ := sample()
	problems, err := testutil.CollectAndLint(sampled(stats))
	require.NoError(t, err)
	require.Empty(t, problems)
}

// Whoever adds a field to the statistics is to add a metric, too.
func TestEveryNumberIsShown(t *testing.T) {
	shownElsewhere := map[int64]string{
		numberOf(t, "Evictions"): "the sum of aside_evictions_total",
		numberOf(t, "Invalid"):   "the sum of aside_invalid_entries_total",
	}
	stats, numbers := sample()
	stats.Feed.Lag *= int64(time.Second) // shown in seconds
	stats.Recovery.PendingFor *= time.Second
	product := stats.Caches["product"]
	product.Checks.DifferedFor *= time.Second
	stats.Caches["product"] = product
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(sampled(stats))
	families, err := registry.Gather()
	require.NoError(t, err)
	var text strings.Builder
	for _, f := range families {
		text.WriteString(f.String())
	}
	require.Greater(t, numbers, 30)
	for n := int64(first); n < first+int64(numbers); n++ {
		if shownElsewhere[n] == "" {
			require.Contains(t, text.String(), fmt.Sprintf("value:%d", n), "which is the number of a field in %+v", stats)
		}
	}
}

// numberOf returns the number that sample gives to a field of Stats, or else of CacheStats.
func numberOf(t *testing.T, field string) int64 {
	t.Helper()
	stats, _ := sample()
	for _, v := range []reflect.Value{reflect.ValueOf(stats), reflect.ValueOf(stats.Caches["product"])} {
		if f := v.FieldByName(field); f.IsValid() {
			return f.Int()
		}
	}
	require.Fail(t, "no such field", field)
	return 0
}
