package faulttest

import (
	"log/slog"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/cacheable"
	"github.com/jollyjet/aside/consistency"
	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/store"
)

// lack is a permission that a user does not have.
type lack struct {
	name         string // of the command, as the log must name it
	take, give   []any  // ACL rules
	feed         bool   // only the feed needs it
	uncachedOnly bool   // it is needed only where the server does not know a script
}

var lacks = []lack{
	{name: "MGET", take: []any{"-mget"}, give: []any{"+mget"}},
	{name: "GET", take: []any{"-get"}, give: []any{"+get"}},
	{name: "PTTL", take: []any{"-pttl"}, give: []any{"+pttl"}},
	{name: "EVALSHA", take: []any{"-evalsha"}, give: []any{"+evalsha"}},
	{name: "EVAL", take: []any{"-eval"}, give: []any{"+eval"}, uncachedOnly: true},
	{name: "UNLINK", take: []any{"-unlink"}, give: []any{"+unlink"}},
	{name: "SUBSCRIBE", take: []any{"-subscribe"}, give: []any{"+subscribe"}, feed: true},
	{name: "CLIENT|TRACKING", take: []any{"-client|tracking"}, give: []any{"+client|tracking"}, feed: true},
	{name: "SET", take: []any{"resetkeys", "~other:*"}, give: []any{"allkeys"}},
}

// saysNo are Redis's words when a user lacks a command, and when a script does.
var saysNo = []string{"NOPERM", "can't run this command"}

// A missing permission is logged once, with the command and Redis's words; the node is degraded, and ready. Soon after the
// permission is granted, everything is well again.
func TestWhatAUserLacksIsSaidAndPasses(t *testing.T) {
	for _, l := range lacks {
		name := l.name
		if slices.Contains(l.take, any("resetkeys")) {
			name = "keys"
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			theLack(t, l)
		})
	}
}

func theLack(t *testing.T, l lack) {
	t.Helper()
	p, namespace, seen := single(t), redistest.Unique(t), redistest.NewLog(slog.LevelInfo)
	keys := numbered(8)
	src := newTable(keys...)
	if !l.uncachedOnly {
		warm(t, src.cached(join(t, p.client(t), namespace)), keys...) // so that there is something to read
	}
	u := p.newUser(t, "secret", l.take...)
	st := join(t, p.client(t, u.as("secret")), namespace, store.Logger(seen.Logger()))
	w := &lacking{src: src, plain: cacheable.NewMany(st, "plain", src.load), tagged: src.cached(st), keys: keys}
	health := consistency.NewHealth(st)
	after := took(func() bool { w.use(t); return len(naming(seen, l.name)) > 0 })
	for range 20 {
		w.use(t)
	}
	bad := health.Check(t.Context())
	t.Logf("%d lines that name %s, the first after %d ms; health %s, ready %v, %v; feed up %v",
		len(naming(seen, l.name)), l.name, after.Milliseconds(), bad.Status, bad.Ready, unwell(bad), st.Stats().Feed.Up)
	for _, one := range seen.Lines(func(one redistest.Line) bool { return one.Level >= slog.LevelWarn }) {
		t.Logf("logged: %.400s", one.Text)
	}
	assertNamedOnce(t, seen, l.name)
	assert.Empty(t, seen.With("does not offer CLIENT TRACKING"), "it does")
	assert.Equal(t, consistency.Degraded, bad.Status)
	assert.True(t, bad.Ready)
	assert.True(t, l.feed || hasDegraded(bad), "a component is degraded")
	u.set(t, l.give...)
	w.recovers(t, st, health)
}

// recovers checks that everything is soon well again.
func (w *lacking) recovers(t *testing.T, st *store.Store, health *consistency.Health) {
	t.Helper()
	began := time.Now()
	never := time.Duration(-1)
	well, feed, hits := never, never, never
	first := func(at *time.Duration, done bool) {
		if *at == never && done {
			*at = time.Since(began)
		}
	}
	took(func() bool {
		first(&hits, w.use(t))
		first(&feed, st.Stats().Feed.Up)
		first(&well, health.Check(t.Context()).Status == consistency.OK)
		return well != never && feed != never && hits != never
	})
	t.Logf("after the grant: health ok after %v, the feed up after %v, all hits after %v (-1ns: not within %v)", well, feed, hits, patience)
	for what, at := range map[string]time.Duration{"health": well, "feed": feed, "hits": hits} {
		assert.True(t, at != never && at < 2*time.Second, "%s is not well again after 2 s: %v", what, at)
	}
}

// lacking are the caches of a user who lacks a permission.
type lacking struct {
	src           *table
	plain, tagged *cache
	keys          []string
}

// use reads and evicts in every way, and reports whether everything was read from Redis.
func (w *lacking) use(t *testing.T) bool {
	t.Helper()
	before := hitsOf(w.plain) + hitsOf(w.tagged)
	for _, c := range []*cache{w.plain, w.tagged} {
		for _, key := range w.keys[:4] {
			_, err := c.Get(t.Context(), key)
			require.NoError(t, err)
		}
		all, err := c.GetAll(t.Context(), w.keys)
		require.NoError(t, err)
		require.Len(t, all, len(w.keys))
		_ = c.Evict(t.Context(), w.keys[6], w.keys[7]) // it may be queued
	}
	return hitsOf(w.plain)+hitsOf(w.tagged)-before >= 2*(4+6) // all except the two that are evicted each time
}

// naming returns the warnings that name a command in words of Redis, except the one at the start of an outage of evictions.
func naming(l *redistest.Log, command string) []redistest.Line {
	name := regexp.MustCompile(`(?i)(^|[^\w|])` + regexp.QuoteMeta(command) + `($|[^\w|])`)
	return l.Lines(func(one redistest.Line) bool {
		return one.Level >= slog.LevelWarn && name.MatchString(one.Text) && words(one) != "" &&
			!strings.Contains(one.Text, "could not be told of evictions")
	})
}

func words(one redistest.Line) string {
	for _, w := range saysNo {
		if strings.Contains(one.Text, w) {
			return w
		}
	}
	return ""
}

// assertNamedOnce checks that a command is named once for each of Redis's words.
func assertNamedOnce(t *testing.T, l *redistest.Log, command string) {
	t.Helper()
	lines := naming(l, command)
	assert.NotEmpty(t, lines, "nothing says that %s is refused", command)
	said := map[string]int{}
	for _, one := range lines {
		said[words(one)]++
	}
	for w, n := range said {
		assert.Equal(t, 1, n, "%q of %s", w, command)
	}
}

func unwell(r consistency.HealthReport) (names []string) {
	for name, c := range r.Components {
		if c.Status != consistency.OK {
			names = append(names, string(name)+" is "+string(c.Status))
		}
	}
	slices.Sort(names)
	return names
}

// hasDegraded reports whether a component is degraded. Pending evictions do not count: they are a consequence.
func hasDegraded(r consistency.HealthReport) bool {
	for name, c := range r.Components {
		if c.Status == consistency.Degraded && name != consistency.Recovery {
			return true
		}
	}
	return false
}
