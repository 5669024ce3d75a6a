package faulttest

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/store"
)

// passing is a refusal that lasts for a second.
type passing struct {
	name       string
	begin, end func(t *testing.T, p *place, u *user)
}

func config(name string, value any) func(*testing.T, *place, *user) {
	return func(t *testing.T, p *place, _ *user) { p.do(t, "CONFIG", "SET", name, value) }
}

func replicaOf(host, port string) func(*testing.T, *place, *user) {
	return func(t *testing.T, p *place, _ *user) { p.do(t, "REPLICAOF", host, port) }
}

var passings = []passing{
	{"BUSY", func(t *testing.T, p *place, _ *user) {
		p.do(t, "CONFIG", "SET", "busy-reply-threshold", 20)
		go func() { // it returns when the script is killed
			_, _ = p.servers[0].Do(context.Background(), "EVAL", "while true do end", 0)
		}()
		redistest.Eventually(t, "Redis is busy", func() bool {
			_, err := p.servers[0].Do(context.Background(), "PING")
			return err != nil
		})
	}, func(t *testing.T, p *place, _ *user) { p.do(t, "SCRIPT", "KILL") }},
	{"OOM", config("maxmemory", 1), config("maxmemory", 0)},
	{"READONLY", replicaOf("127.0.0.1", "1"), replicaOf("NO", "ONE")},
	{"NOREPLICAS", config("min-replicas-to-write", 1), config("min-replicas-to-write", 0)},
	{
		"WRONGPASS", func(t *testing.T, _ *place, u *user) { u.rotate(t, "new") },
		func(t *testing.T, _ *place, u *user) { u.set(t, ">secret") },
	},
	{
		"NOPERM", func(t *testing.T, _ *place, u *user) { u.set(t, "-client|tracking") },
		func(t *testing.T, _ *place, u *user) { u.set(t, "+client|tracking") },
	},
}

// A refusal of a second keeps the feed down only a little longer, and is not taken for a Redis without tracking.
func TestTheFeedComesBackSoonAfterARefusal(t *testing.T) {
	for _, r := range passings {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			p, seen, src := single(t), redistest.NewLog(slog.LevelInfo), newTable("a", "b")
			u := p.newUser(t, "secret")
			st := join(t, p.client(t, u.as("secret")), redistest.Unique(t), store.Logger(seen.Logger()))
			c := src.cached(st)
			warm(t, c, "a", "b")
			redistest.Eventually(t, "the feed is up", func() bool { return st.Stats().Feed.Up })
			r.begin(t, p, u)
			if r.name != "BUSY" { // where the feed's own pings are refused
				u.kill(t)
			}
			live(t, c, time.Second)
			down := !st.Stats().Feed.Up
			r.end(t, p, u)
			back := took(func() bool { warmNow(t, c); return st.Stats().Feed.Up })
			pending := took(func() bool { return st.Stats().Pending == 0 })
			t.Logf("down at the end of the second: %v; up %d ms after it (%d ms is given up), nothing pending %d ms later",
				down, back.Milliseconds(), patience.Milliseconds(), pending.Milliseconds())
			for _, one := range seen.Lines(func(one redistest.Line) bool { return one.Level >= slog.LevelWarn }) {
				t.Logf("logged: %.300s", one.Text)
			}
			assert.Less(t, back, 2*time.Second)
			assert.Less(t, pending, 2*time.Second)
			assert.Empty(t, seen.With("does not offer CLIENT TRACKING"))
		})
	}
}

// The log of evictions that are queued behind an open breaker says why it opened.
func TestAQueuedEvictionSaysWhyTheBreakerOpened(t *testing.T) {
	for words, trouble := range map[string]func(t *testing.T, p *place, u *user){
		"WRONGPASS":          func(t *testing.T, _ *place, u *user) { u.rotate(t, "new") },
		"connection refused": func(_ *testing.T, p *place, _ *user) { p.servers[0].Kill() },
		"LOADING":            loads,
	} {
		t.Run(words, func(t *testing.T) {
			t.Parallel()
			p := single(t)
			u := p.newUser(t, "secret")
			rdb := p.client(t, u.as("secret"))
			if words == "LOADING" {
				rdb = p.client(t) // users made by hand do not outlive a restart
			}
			st := join(t, rdb, redistest.Unique(t), store.BreakAfter(3), store.Timeout(2*time.Second)) // a server that loads answers slowly
			redistest.Eventually(t, "the feed is up", func() bool { return st.Stats().Feed.Up })
			trouble(t, p, u)
			redistest.Eventually(t, "the breaker is open", func() bool {
				_ = st.Evict(t.Context(), st.Tag("a"))
				return len(st.Stats().Breakers.Open) > 0
			})
			err := st.Evict(t.Context(), st.Tag("a"), st.Tag("b"))
			t.Logf("%v", err)
			require.ErrorIs(t, err, store.ErrQueued)
			assert.ErrorContains(t, err, words)
		})
	}
}

// loads restarts the server, which takes a few seconds to load its data.
func loads(t *testing.T, p *place, _ *user) {
	s := p.servers[0]
	var fill []any
	for _, key := range numbered(2000) {
		fill = append(fill, key, "x")
	}
	require.NoError(t, p.client(t).MSet(t.Context(), fill...).Err())
	p.do(t, "SAVE")
	configure(t, s, "key-load-delay 2000") // microseconds
	configure(t, s, "loading-process-events-interval-bytes 1024")
	restarted := make(chan struct{})
	go func() { defer close(restarted); s.Restart() }()
	t.Cleanup(func() { <-restarted })
	redistest.Eventually(t, "Redis loads", func() bool {
		_, err := s.Do(context.Background(), "PING")
		return redis.HasErrorPrefix(err, "LOADING")
	})
}

// When Open returns, the feed of every master is up.
func TestOpenWaitsForTheFeedOfAllMasters(t *testing.T) {
	p := cluster(t)
	rdb, up := p.client(t), 0
	var longest time.Duration
	for range 10 {
		began := time.Now()
		st := join(t, rdb, redistest.Unique(t))
		longest = max(longest, time.Since(began))
		if s := st.Stats().Feed; s.Up && s.Masters == 3 {
			up++
		}
	}
	t.Logf("up right after Open in %d of 10; the longest Open took %d ms", up, longest.Milliseconds())
	assert.Equal(t, 10, up)
}
