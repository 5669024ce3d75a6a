package consistency_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
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

// receiver collects alerts.
type receiver struct {
	mu  sync.Mutex
	all []consistency.Alert
}

func (r *receiver) receive(a consistency.Alert) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all = append(r.all, a)
}

// count returns the number of alerts since the last call of take.
func (r *receiver) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.all)
}

// take returns the alerts since its last call, as rule, subject and "raised" or "over".
func (r *receiver) take() (changed []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, a := range r.all {
		state := "over"
		if a.Raised {
			state = "raised"
		}
		changed = append(changed, a.Rule+" "+a.Subject+" "+state)
	}
	r.all = nil
	return changed
}

// knob is a rule that watches a value that the test sets.
func knob(value *atomic.Int64, change func(*consistency.Rule)) consistency.Rule {
	r := consistency.Rule{
		Name: "knob", Raise: 10, Clear: 5, For: time.Minute, Settle: 2 * time.Minute,
		Values: func(consistency.Facts) map[string]float64 {
			if now := value.Load(); now >= 0 {
				return map[string]float64{"it": float64(now)}
			}
			return nil
		},
	}
	if change != nil {
		change(&r)
	}
	return r
}

// A value that moves around a threshold raises one alert, not many. A subject without a value counts as healthy.
func TestAlertsHaveHysteresis(t *testing.T) {
	type minutes struct {
		value int64
		for_  float64
		want  []string
	}
	raised, over := []string{"knob it raised"}, []string{"knob it over"}
	above := []minutes{
		{0, 5, nil},
		{11, 0.75, nil},
		{9, 1, nil},
		{11, 0.75, nil},
		{0, 3, nil},
		{11, 2, raised},
		{9, 10, nil},
		{11, 5, nil},
		{4, 1.5, nil},
		{6, 1, nil},
		{4, 1.5, nil},
		{11, 1, nil},
		{4, 3, over},
		{9, 10, nil},
		{12, 2, raised},
		{-1, 3, over},
	}
	below := []minutes{{20, 5, nil}, {4, 2, raised}, {6, 5, nil}, {11, 3, over}, {6, 5, nil}, {3, 2, raised}}
	for name, of := range map[string]struct {
		steps  []minutes
		change func(*consistency.Rule)
	}{
		"above": {above, nil},
		"below": {below, func(r *consistency.Rule) { r.Below, r.Raise, r.Clear = true, 5, 10 }},
	} {
		t.Run(name, func(t *testing.T) {
			redistest.Bubble(t, func(t *testing.T, rdb redis.UniversalClient) {
				st, err := store.Open(t.Context(), rdb, store.Logger(quiet))
				require.NoError(t, err)
				defer func() { require.NoError(t, st.Close()) }()
				value, received := &atomic.Int64{}, &receiver{}
				value.Store(of.steps[0].value)
				var log bytes.Buffer
				a := consistency.NewAlerts(st, consistency.Rules(knob(value, of.change)), consistency.Notify(received.receive),
					consistency.Logger(slog.New(slog.NewTextHandler(&log, nil))))
				defer a.Close()
				active := false
				for i, step := range of.steps {
					value.Store(step.value)
					time.Sleep(time.Duration(step.for_ * float64(time.Minute)))
					synctest.Wait()
					require.Equal(t, step.want, received.take(), "step %d: %+v", i, step)
					if step.want != nil {
						active = step.want[0] == raised[0]
					}
					require.Equal(t, active, len(a.Active()) == 1)
				}
				require.Contains(t, log.String(), `level=WARN msg="aside: alert: knob" namespace=aside subject=it`)
				require.Contains(t, log.String(), `level=INFO msg="aside: alert is over: knob"`)
			})
		})
	}
}

// A rule or a receiver that panics does not affect other alerts.
func TestAlertsGoOn(t *testing.T) {
	redistest.Bubble(t, func(t *testing.T, rdb redis.UniversalClient) {
		st, err := store.Open(t.Context(), rdb, store.Logger(quiet))
		require.NoError(t, err)
		defer func() { require.NoError(t, st.Close()) }()
		value, received := &atomic.Int64{}, &receiver{}
		value.Store(20)
		broken := consistency.Rule{Name: "broken", Values: func(consistency.Facts) map[string]float64 { panic("rule") }}
		a := consistency.NewAlerts(st, consistency.Rules(broken, knob(value, nil)), consistency.Logger(quiet),
			consistency.Notify(func(a consistency.Alert) { received.receive(a); panic("receiver") }))
		time.Sleep(2 * time.Minute)
		value.Store(0)
		time.Sleep(3 * time.Minute)
		synctest.Wait()
		require.Equal(t, []string{"knob it raised", "knob it over"}, received.take())
		require.Greater(t, st.Stats().Panics, int64(10))
		a.Close()
		a.Close()
	})
}

// The default rules notice what they are named for, and ignore a cache with only a handful of reads.
func TestRulesOfCaches(t *testing.T) {
	redistest.Bubble(t, func(t *testing.T, rdb redis.UniversalClient) {
		received := &receiver{}
		b := newBubble(t, rdb, newTable(names("k%d", 2000)...), []cacheable.Option{
			cacheable.TTL(20 * time.Second), cacheable.Jitter(0), cacheable.FailSafe(time.Hour),
		})
		rules := []consistency.Rule{
			consistency.HitRatioBelow(0.5), consistency.StaleAbove(0.05), consistency.WrongAbove(0.001), consistency.LoadErrorsAbove(0.05),
		}
		for i := range rules { // a fifth of what they are, or less
			rules[i].For, rules[i].Settle, rules[i].Window = rules[i].For/5, time.Minute, time.Minute
		}
		a := consistency.NewAlerts(b.st, consistency.Notify(received.receive), consistency.Logger(quiet), consistency.Rules(rules...))
		defer a.Close()
		reads := func(d time.Duration, key func(i int) string) {
			for i := range int(d / (500 * time.Millisecond)) {
				_, _ = b.cache.Get(context.Background(), key(i))
				time.Sleep(500 * time.Millisecond)
			}
		}
		hot := func(int) string { return "k1" }
		for i := range 10 {
			_, _ = b.cache.Get(t.Context(), names("x%d", 10)[i])
			time.Sleep(time.Minute)
		}
		require.Empty(t, received.take(), "too few to judge by")
		keys := names("k%d", 2000)
		reads(5*time.Minute, func(i int) string { return keys[i%2000] })
		require.Equal(t, []string{"hit ratio low row raised"}, received.take())
		reads(4*time.Minute, hot)
		require.Equal(t, []string{"hit ratio low row over"}, received.take())

		b.source.fail(errors.New("the source is down"))
		reads(4*time.Minute, hot)
		require.ElementsMatch(t, []string{"stale answers row raised", "load errors row raised"}, received.take())
		b.source.fail(nil)
		reads(4*time.Minute, hot)
		require.ElementsMatch(t, []string{"stale answers row over", "load errors row over"}, received.take())

		for range 6 { // changed behind the cache's back, time and again
			b.source.add("k1", 1)
			reads(15*time.Second, hot)
		}
		require.Equal(t, []string{"wrong answers row raised"}, received.take())
		reads(4*time.Minute, hot)
		require.Equal(t, []string{"wrong answers row over"}, received.take())
	})
}

// Alerts report an outage of Redis, and its end.
func TestRulesOfTheStore(t *testing.T) {
	server := redistest.Start(t)
	st := open(t, server.Client(t), store.BreakAfter(2))
	eventually(t, "the feed", func() bool { return st.Stats().Feed.Up })
	c := cacheable.New(st, "row", newTable("k").load)
	rules := []consistency.Rule{consistency.BreakerOpen(), consistency.FeedDown(), consistency.QueueAbove(0)}
	for i := range rules {
		rules[i].For, rules[i].Settle = 20*time.Millisecond, 20*time.Millisecond
	}
	received := &receiver{}
	a := consistency.NewAlerts(st, consistency.Rules(rules...), consistency.Every(10*time.Millisecond),
		consistency.Notify(received.receive), consistency.Logger(quiet))
	defer a.Close()
	server.Kill()
	require.ErrorIs(t, c.Evict(t.Context(), "k"), store.ErrQueued)
	eventually(t, "three alerts", func() bool {
		_, err := c.Get(t.Context(), "k")
		require.NoError(t, err)
		return received.count() == 3 // an alert is active before it is published
	})
	require.Len(t, a.Active(), 3)
	node := "breaker open " + server.Addr()
	require.ElementsMatch(t, []string{node + " raised", "feed down  raised", "recovery queue  raised"}, received.take())
	require.Equal(t, "breaker open", a.Active()[0].Rule, "in the order of the rules")
	server.Restart()
	eventually(t, "all is well", func() bool { return received.count() == 3 })
	require.Empty(t, a.Active())
	require.ElementsMatch(t, []string{node + " over", "feed down  over", "recovery queue  over"}, received.take())
}

func TestAlertsMisuse(t *testing.T) {
	st := open(t, miniClient(t))
	value := &atomic.Int64{}
	for message, f := range map[string]func(){
		"consistency: NewAlerts: the store is nil":                                        func() { consistency.NewAlerts(nil) },
		"consistency: NewAlerts: option 1 is nil; leave it out":                           func() { consistency.NewAlerts(st, nil) },
		"consistency: Rules: no rules are given; leave the option out":                    func() { consistency.Rules() },
		"consistency: Rules: rule 1 needs a Name and Values":                              func() { consistency.Rules(consistency.Rule{}) },
		"consistency: Rules: knob: Clear (11) is further out than Raise (10)":             func() { consistency.Rules(knob(value, func(r *consistency.Rule) { r.Clear = 11 })) },
		"consistency: Rules: knob: For, Settle and Window must not be negative":           func() { consistency.Rules(knob(value, func(r *consistency.Rule) { r.For = -1 })) },
		"consistency: Every(1ms): use 10ms or more":                                       func() { consistency.Every(time.Millisecond) },
		"consistency: Notify(nil): leave the option out":                                  func() { consistency.Notify(nil) },
		"consistency: NewHealth: the store is nil":                                        func() { consistency.NewHealth(nil) },
		"consistency: AnswerWithin(1ms): use 10ms or more":                                func() { consistency.AnswerWithin(time.Millisecond) },
		`consistency: Require("near"): use Redis, Breaker or Feed; others are never down`: func() { consistency.Require(consistency.Near) },
	} {
		require.PanicsWithValue(t, message, f)
	}
	consistency.Rules(consistency.DefaultRules()...)
}
