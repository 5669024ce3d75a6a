package ratelimit_test

import (
	"log/slog"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/ratelimit"
)

const day = 24 * time.Hour

// pairs are policies of one kind that differ in how much they allow, so six permits of the first exceed the second.
var pairs = map[string][2]ratelimit.Policy{
	"sliding":     {ratelimit.SlidingWindow(100, day), ratelimit.SlidingWindow(5, day)},
	"counter":     {ratelimit.SlidingWindow(2000, day), ratelimit.SlidingWindow(1500, day)},
	"exact":       {ratelimit.SlidingWindow(100, day).Exact(), ratelimit.SlidingWindow(5, day).Exact()},
	"strict":      {ratelimit.SlidingWindow(100, day).Strict(10), ratelimit.SlidingWindow(5, day).Strict(10)},
	"bucket":      {ratelimit.TokenBucket(ratelimit.Per(1, time.Hour), 100), ratelimit.TokenBucket(ratelimit.Per(1, time.Hour), 5)},
	"fixed":       {ratelimit.FixedWindow(100, 366*day), ratelimit.FixedWindow(5, 366*day)},
	"concurrency": {ratelimit.Concurrency(100, time.Hour), ratelimit.Concurrency(5, time.Hour)},
}

// Nobody has said that two limiters without a name are about the same thing, so they share nothing unless they are equal.
func TestLimitersWithoutANameShareNothing(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		for name, p := range pairs {
			ns := ratelimit.Namespace(redistest.Unique(t))
			pages, logins, again := open(t, rdb, p[0], ns), open(t, rdb, p[1], ns), open(t, rdb, p[1], ns)
			_, err := pages.AllowN(t.Context(), "ip:192.0.2.1", 6)
			require.NoError(t, err)
			r, err := logins.Allow(t.Context(), "ip:192.0.2.1")
			require.NoError(t, err)
			require.True(t, r.Allowed, "%s: the first login", name)
			require.Equal(t, r.Limit-1, r.Remaining, name)
			r, err = again.Peek(t.Context(), "ip:192.0.2.1")
			require.NoError(t, err)
			require.Equal(t, r.Limit-1, r.Remaining, "%s: equal limiters share, as on the nodes of a fleet", name)
		}
	})
}

// Numbers that mean something else under another policy are not read by it.
func TestAChangedMeaningBeginsAnew(t *testing.T) {
	changes := map[string][2]ratelimit.Policy{
		"faster bucket":   {ratelimit.TokenBucket(ratelimit.Per(1, time.Hour), 10), ratelimit.TokenBucket(ratelimit.Per(10, time.Second), 10)},
		"slower bucket":   {ratelimit.TokenBucket(ratelimit.Per(10, time.Second), 10), ratelimit.TokenBucket(ratelimit.Per(1, time.Hour), 10)},
		"longer lease":    {ratelimit.Concurrency(10, time.Minute), ratelimit.Concurrency(10, time.Hour)},
		"window":          {ratelimit.SlidingWindow(10, time.Hour), ratelimit.SlidingWindow(10, day)},
		"buckets":         {ratelimit.SlidingWindow(10, day).Strict(10), ratelimit.SlidingWindow(10, day).Strict(11)},
		"kind of sliding": {ratelimit.SlidingWindow(10, day), ratelimit.SlidingWindow(10, day).Strict(10)},
		"kind":            {ratelimit.SlidingWindow(10, day), ratelimit.FixedWindow(10, day)},
	}
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		for name, p := range changes {
			ns := ratelimit.Namespace(redistest.Unique(t))
			before, after := open(t, rdb, p[0], ns, ratelimit.Name("mails")), open(t, rdb, p[1], ns, ratelimit.Name("mails"))
			_, err := before.AllowN(t.Context(), "k", 10)
			require.NoError(t, err, name)
			r, err := after.Peek(t.Context(), "k")
			require.NoError(t, err, name)
			require.Equal(t, 10, r.Remaining, name)
		}
	})
}

// A second limiter of a name is a mistake: of another policy it would count what the first one charged.
func TestTwoLimitersOfOneName(t *testing.T) {
	rdb := mini(t)
	mails := ratelimit.Name("mails")
	for name, p := range pairs {
		if name == "sliding" {
			p[0] = ratelimit.SlidingWindow(6, day) // of the size that is kept in the same way
		}
		lines := redistest.NewLog(slog.LevelWarn)
		ns, logger := ratelimit.Namespace(redistest.Unique(t)), ratelimit.Logger(lines.Logger())
		one := open(t, rdb, p[0], ns, mails, logger)
		require.Panics(t, func() { ratelimit.New(rdb, p[1], ns, mails) }, name)
		require.Panics(t, func() { ratelimit.New(rdb, ratelimit.All(ratelimit.Named("x", p[1]), p[1]), ns, mails) }, name)
		require.Empty(t, lines.With("same name and policy"), name)
		for range 3 {
			open(t, rdb, p[0], ns, mails, logger)
		}
		require.Len(t, lines.With("same name and policy"), 1, name)
		open(t, mini(t), p[1], ns, mails) // of another client
		require.NoError(t, one.Close())
	}
	lines := redistest.NewLog(slog.LevelWarn)
	ns := redistest.Unique(t)
	for range 2 {
		open(t, rdb, pairs["fixed"][0], ratelimit.Namespace(ns), mails, ratelimit.Logger(lines.Logger()), ratelimit.Shared())
	}
	require.Empty(t, lines.With("same name and policy"))
	require.PanicsWithValue(t, "ratelimit: New: "+ns+`:rl:mails:fixed-8784h:f8784h counts both for "fixed 5/8784h" and for `+
		`"fixed 100/8784h"; use another Name, or close the other one before`,
		func() { ratelimit.New(rdb, pairs["fixed"][1], ratelimit.Namespace(ns), mails) })
}

// A limiter that is closed has left its name.
func TestANameIsFreeAfterClose(t *testing.T) {
	rdb, ns := mini(t), ratelimit.Namespace(redistest.Unique(t))
	for _, p := range pairs["fixed"] {
		require.NoError(t, ratelimit.New(rdb, p, ns, ratelimit.Name("mails")).Close())
	}
}

// Rules of one name and policy share their state. With another limit that is a mistake, which a table does not accept.
func TestRulesOfOneName(t *testing.T) {
	table := newTable(t, nil)
	rules := func(one, two string) []ratelimit.Rule {
		return []ratelimit.Rule{{Match: "/a", Name: "x", Policy: one}, {Match: "/b", Name: "x", Policy: two}}
	}
	require.NoError(t, table.Set(rules("fixed 5/1h", "fixed 5/1h")))
	require.ErrorIs(t, table.Set(rules("fixed 5/1h", "fixed 100/1h")), ratelimit.ErrRules)
	require.NoError(t, table.Set(rules("fixed 100/1h", "fixed 100/1h")), "a limit may change")
	require.NoError(t, table.Set(rules("fixed 5/1h", "fixed 5/1m")), "different windows are different counts")
}

// Two tables of one program get new rules one after the other.
func TestTablesOfOneProgram(t *testing.T) {
	rdb, lines := mini(t), redistest.NewLog(slog.LevelWarn)
	options := []ratelimit.Option{ratelimit.Namespace(redistest.Unique(t)), ratelimit.Logger(lines.Logger())}
	var tables [2]*ratelimit.Table
	for i := range tables {
		var err error
		tables[i], err = ratelimit.NewTable(rdb, []ratelimit.Rule{{Match: "/", Policy: "fixed 5/1h"}}, options...)
		require.NoError(t, err)
	}
	require.Len(t, lines.With("same name and policy"), 1)
	require.NoError(t, tables[0].Set([]ratelimit.Rule{{Match: "/", Policy: "fixed 6/1h"}}))
	require.Len(t, lines.With("counts in the same place as a rule"), 1)
	require.NoError(t, tables[1].Set([]ratelimit.Rule{{Match: "/", Policy: "fixed 6/1h"}}))
	require.Len(t, lines.With("counts in the same place as a rule"), 1)
	for _, table := range tables {
		require.NoError(t, table.Close())
		require.NoError(t, table.Set([]ratelimit.Rule{{Match: "/", Policy: "fixed 6/1h"}}))
	}
	l, err := ratelimit.NewTable(rdb, []ratelimit.Rule{{Match: "/", Policy: "fixed 7/1h"}}, options...)
	require.NoError(t, err)
	require.NoError(t, l.Close())
	require.Len(t, lines.With("counts in the same place as a rule"), 1, "closed tables use nothing")
}
