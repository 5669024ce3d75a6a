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

	"github.com/jollyjet/aside/evict"
	"github.com/jollyjet/aside/internal/histogram"
	"github.com/jollyjet/aside/ratelimit"
	"github.com/jollyjet/aside/session"
	"github.com/jollyjet/aside/store"
)

var update = flag.Bool("update", false, "rewrite testdata/exposition.txt")

const golden = "testdata/exposition.txt"

// numbered sets every numeric field of s to a different number, and records which. Durations are in seconds, as
// exported.
func numbered(s any, numbers map[string]int64) {
	v := reflect.ValueOf(s).Elem()
	fill(v, v.Type().String(), numbers)
}

func fill(v reflect.Value, path string, numbers map[string]int64) {
	for field, f := range v.Fields() {
		path := path + "." + field.Name
		n := int64(1001 + len(numbers))
		switch {
		case f.Type().ConvertibleTo(reflect.TypeFor[histogram.Durations]()):
			f.Set(reflect.ValueOf(histogram.Durations{
				Count: 9, Sum: 1500 * time.Millisecond,
				UpTo: map[time.Duration]int64{5 * time.Millisecond: 4, 2500 * time.Millisecond: 8},
			}).Convert(f.Type()))
		case f.Kind() == reflect.Struct:
			fill(f, path, numbers)
		case f.Type() == reflect.TypeFor[time.Duration]():
			f.SetInt(n * int64(time.Second))
			numbers[path] = n
		case f.CanInt():
			f.SetInt(n)
			numbers[path] = n
		}
	}
}

// sample returns a collector of each kind, with a different number in every field of its statistics, and these numbers.
func sample() ([]prometheus.Collector, map[string]int64) {
	var s store.Stats
	var product store.CacheStats
	var login ratelimit.Stats
	var sessions session.Stats
	var changes evict.ChangesStats
	numbers := make(map[string]int64)
	for _, stats := range []any{&s, &product, &login, &sessions, &changes} {
		numbered(stats, numbers)
	}

	s.Feed.Up, s.Recovery.JournalFault = true, "no space left on device"
	s.Breakers.Masters, s.Breakers.Open = []string{"10.0.0.1:6379", "10.0.0.2:6379"}, []string{"10.0.0.2:6379", "left:6379"}
	s.Caches = map[string]store.CacheStats{"product": product, "a/new-one": {}}
	login.Policy, login.BreakerOpen, changes.Leading = "sliding 10/1m", true, true
	login.Allowed += login.ShadowDenied // which are among them
	return []prometheus.Collector{
		collector{newStore("shop", func() store.Stats { return s })},
		newLimits("shop", "api", func() map[string]ratelimit.Stats {
			return map[string]ratelimit.Stats{"POST /login": login, "/": {Policy: "bucket 100/1s burst=200"}}
		}),
		newLimits("shop", "mails", func() map[string]ratelimit.Stats { return map[string]ratelimit.Stats{"": {Policy: "fixed 5/1h"}} }),
		newSessions("session", func() session.Stats { return sessions }),
		newChanges("shop", "products", func() evict.ChangesStats { return changes }),
	}, numbers
}

func registered() *prometheus.Registry {
	registry := prometheus.NewPedanticRegistry()
	collectors, _ := sample()
	registry.MustRegister(collectors...)
	return registry
}

func TestExposition(t *testing.T) {
	if *update {
		require.NoError(t, prometheus.WriteToTextfile(golden, registered()))
	}
	want, err := os.Open(golden)
	require.NoError(t, err)
	defer func() { require.NoError(t, want.Close()) }()
	require.NoError(t, testutil.GatherAndCompare(registered(), want))
}

func TestNamesAndHelpFollowTheConventions(t *testing.T) {
	problems, err := testutil.GatherAndLint(registered())
	require.NoError(t, err)
	require.Empty(t, problems)
}

// Every numeric field of the statistics has a metric.
func TestEveryNumberIsShown(t *testing.T) {
	shownElsewhere := map[string]string{
		"store.Stats.Evictions":    "the sum of aside_evictions_total",
		"store.CacheStats.Invalid": "the sum of aside_invalid_entries_total",
	}
	families, err := registered().Gather()
	require.NoError(t, err)
	var text strings.Builder
	for _, f := range families {
		text.WriteString(f.String())
	}
	_, numbers := sample()
	require.Greater(t, len(numbers), 70)
	for field, n := range numbers {
		if shownElsewhere[field] == "" {
			require.True(t, strings.Contains(text.String(), fmt.Sprintf("value:%d", n)), "%s is not shown", field)
		}
	}
}
