package consistency_test

import (
	"encoding/json"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/cacheable"
	"github.com/jollyjet/aside/consistency"
	"github.com/jollyjet/aside/internal/redistest"
)

// The report has the counts of each window, as text for people and as JSON.
func TestReport(t *testing.T) {
	redistest.Bubble(t, func(t *testing.T, rdb redis.UniversalClient) {
		b := newBubble(t, rdb, newTable(append(names("price-%d", 30), "name-1")...), nil,
			consistency.Diff(func(cached, source int) string { return "changed" }), consistency.Windows(time.Minute, time.Hour),
			consistency.ChangedAt(func(int) time.Time { return time.Now().Add(-30 * time.Second) }), consistency.Keep(5))
		for range 2 {
			for _, key := range append(names("price-%d", 30), "name-1", "none") {
				b.read(t, key)
			}
		}
		for _, key := range names("price-%d", 30) {
			b.source.set(key, 7)
		}
		time.Sleep(10 * time.Minute)
		for _, key := range append(names("price-%d", 30), "name-1") {
			b.read(t, key)
		}
		time.Sleep(10 * time.Second)
		synctest.Wait()
		r := b.m.Report()
		require.Equal(t, []consistency.Class{{Name: "price-*", Checked: 60, Differs: 30}, {Name: "name-*", Checked: 2}, {Name: "none", Checked: 1}}, r.Classes)
		require.Len(t, r.Findings, 5)
		require.Equal(t, 30*time.Second, r.Findings[0].MaxAge.Round(time.Second))
		require.Equal(t, r.Findings[0].MinAge, r.Findings[0].MaxAge)
		require.EqualValues(t, 31, r.Windows[0].Reads())
		require.Equal(t, 1.0, r.Windows[0].HitRatio)
		require.InDelta(t, 30.0/31, r.Windows[0].WrongRatio, 1e-9)
		require.EqualValues(t, 95, r.Windows[1].Reads())
		require.Less(t, r.Windows[1].Covers, 11*time.Minute)
		require.Equal(t, r.Total, r.Windows[1].Counts)

		raw, err := json.Marshal(r)
		require.NoError(t, err)
		var back consistency.Report
		require.NoError(t, json.Unmarshal(raw, &back))
		require.Equal(t, r.Windows, back.Windows)
		require.Equal(t, r.Classes, back.Classes)
		require.Contains(t, string(raw), `"wrong_ratio":0.96`)

		text := r.String()
		for _, part := range []string{"1m0s", "in all", "price-*", "changed", "30s", "shop:{row:price-29}"} {
			require.Contains(t, text, part)
		}
		t.Log("\n" + text)
	})
}

func TestMonitorMisuse(t *testing.T) {
	c := cacheable.New(open(t, miniClient(t)), "row", newTable().load)
	for message, f := range map[string]func(){
		"consistency: NewMonitor: the cache is nil": func() {
			consistency.NewMonitor[string, int]((*cacheable.Cacheable[string, int])(nil))
		},
		"consistency: NewMonitor: option 1 is empty; leave it out": func() { consistency.NewMonitor(c, consistency.Option{}) },
		"consistency: NewMonitor: Resume is for Audit":             func() { consistency.NewMonitor(c, consistency.Resume(consistency.Position{})) },
		"consistency: NewMonitor: Equal is a func(string, string) bool, want a func(int, int) bool": func() {
			consistency.NewMonitor(c, consistency.Equal(func(a, b string) bool { return a == b }))
		},
		"consistency: Audit: Sample is for NewMonitor": func() {
			_, _ = consistency.Audit(t.Context(), c, consistency.Sample(1))
		},
		"consistency: Sample(0): use a fraction above 0, such as 0.01": func() { consistency.Sample(0) },
		"consistency: Grace(0s): use 1ms or more":                      func() { consistency.Grace(0) },
		"consistency: Rate(0): use more than 0, and 1,000,000 at most": func() { consistency.Rate(0) },
		"consistency: Concurrency(0): use 1 or more":                   func() { consistency.Concurrency(0) },
		"consistency: Keep(0): use 1 or more":                          func() { consistency.Keep(0) },
		"consistency: Tolerate(-1ns): use a positive duration":         func() { consistency.Tolerate(-1) },
		"consistency: Windows(1ms): use a second to a day":             func() { consistency.Windows(time.Millisecond) },
		"consistency: Absent(nil): leave the option out":               func() { consistency.Absent(nil) },
	} {
		require.PanicsWithValue(t, message, f)
	}
}
