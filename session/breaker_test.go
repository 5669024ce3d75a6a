package session_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/session"
)

const (
	mostFailures = 5 // after so many a master counts as one that does not answer
	waits        = 400 * time.Millisecond
)

// outage makes a Redis stop answering, and brings it back.
type outage struct {
	rdb        redis.UniversalClient
	away       *redistest.Server // the server that stops answering
	begin, end func()
}

var outages = map[string]func(t *testing.T) outage{
	"stopped": func(t *testing.T) outage {
		s := redistest.Start(t)
		return outage{s.Client(t), s, s.Pause, s.Resume}
	},
	"killed": func(t *testing.T) outage {
		s := redistest.Start(t, "appendonly yes", "appendfsync always")
		return outage{s.Client(t), s, s.Kill, s.Restart}
	},
	"no network": func(t *testing.T) outage {
		s := redistest.Start(t)
		proxy := redistest.StartProxy(t, s.Addr())
		rdb := redis.NewClient(&redis.Options{Addr: proxy.Addr()})
		t.Cleanup(func() { require.NoError(t, rdb.Close()) })
		return outage{rdb, s, proxy.Hang, proxy.Heal}
	},
	"one of a Cluster stopped": func(t *testing.T) outage {
		c := redistest.StartCluster(t)
		one := c.Nodes()[0]
		return outage{c.Client(t), one, one.Pause, one.Resume}
	},
}

// onAway begins anonymous sessions until one is on the server of the outage, and on a Cluster another is elsewhere.
func onAway(t *testing.T, m *manager, o outage) (there, elsewhere string) {
	t.Helper()
	_, clustered := o.rdb.(*redis.ClusterClient)
	for i := 0; there == "" || clustered && elsewhere == ""; i++ {
		require.Less(t, i, 100)
		token := begin(t, m, data{N: 1})
		keys, err := o.away.Do(t.Context(), "KEYS", "*"+handleOf(t, m, token))
		require.NoError(t, err)
		if len(keys.([]any)) > 0 {
			there = token
		} else {
			elsewhere = token
		}
	}
	return there, elsewhere
}

// After a few unanswered commands in a row, requests for sessions on that master fail without waiting. The other
// masters are not affected. When the master answers again, its sessions work as before.
func TestAMasterThatDoesNotAnswerIsLeftAlone(t *testing.T) {
	for name, start := range outages {
		t.Run(name, func(t *testing.T) {
			o := start(t)
			var logged logs
			m := node(t, o.rdb, session.Timeout(waits), session.Logger(logged.logger()))
			token, elsewhere := onAway(t, m, o)
			o.begin()
			slow := 0
			for range 20 {
				began := time.Now()
				_, err := m.Get(m.Attach(t.Context(), token))
				require.ErrorIs(t, err, session.ErrUnavailable)
				require.NotErrorIs(t, err, session.ErrNoSession)
				if time.Since(began) > waits/2 {
					slow++
				}
			}
			require.LessOrEqual(t, slow, mostFailures)
			require.EqualValues(t, 20, m.Stats().Unavailable, "each is reported")
			redistest.Eventually(t, "the log", func() bool { return logged.has("does not answer") })

			ctx, begun := m.Attach(t.Context(), token), time.Now()
			require.ErrorIs(t, m.Destroy(ctx), session.ErrUnavailable, "a logout that was not sent is an error")
			require.ErrorIs(t, m.Update(ctx, add(1)), session.ErrUnavailable)
			require.Less(t, time.Since(begun), waits/2)
			if elsewhere != "" {
				require.Equal(t, 1, get(t, m, elsewhere).N, "the other masters answer")
			}

			o.end()
			redistest.Eventually(t, "the probe", func() bool { return logged.has("answers again") })
			require.Equal(t, 1, get(t, m, token).N, "no request is needed to find out that it is back")
			ctx = m.Attach(t.Context(), token)
			require.NoError(t, m.Update(ctx, add(1)))
			require.NoError(t, m.Destroy(ctx))
			require.False(t, valid(t, m, token))
		})
	}
}

// A logout fails without waiting while Redis is away, and succeeds when it is tried again later.
func TestALogoutThatWasRefusedCanBeTriedAgain(t *testing.T) {
	server := redistest.Start(t)
	m := node(t, server.Client(t), session.Timeout(waits))
	token := login(t, m, "ann", "")
	handle := handleOf(t, m, token)
	ctx := m.Attach(t.Context(), token)
	_, err := m.Get(ctx)
	require.NoError(t, err)
	server.Pause()
	for range mostFailures {
		_, _ = m.Get(m.Attach(t.Context(), token))
	}
	began := time.Now()
	for range 20 {
		require.ErrorIs(t, m.Destroy(ctx), session.ErrUnavailable)
		require.ErrorIs(t, m.DestroyAll(ctx, "ann"), session.ErrUnavailable)
		require.ErrorIs(t, m.DestroyOne(ctx, "ann", handle), session.ErrUnavailable)
		require.ErrorIs(t, m.DestroyOthers(ctx), session.ErrUnavailable)
	}
	_, err = m.DestroyEveryone(ctx)
	require.ErrorIs(t, err, session.ErrUnavailable)
	require.Less(t, time.Since(began), waits)
	server.Resume()
	redistest.Eventually(t, "the logout", func() bool { return m.Destroy(ctx) == nil })
	require.False(t, valid(t, m, token))
}

// A Redis user without PING or INFO can still use sessions after an outage.
func TestAMasterThatMayNotBePingedIsFoundAgain(t *testing.T) {
	r := restrict(t, redistest.Start(t), session.Timeout(waits))
	token := begin(t, r.manager, data{N: 1})
	for _, lacking := range [][]string{{"ping"}, {"info"}, {"ping", "info"}} {
		r.lacks(t, lacking...)
		r.server.Pause()
		for range 2 * mostFailures {
			_, err := r.Get(r.Attach(t.Context(), token))
			require.ErrorIs(t, err, session.ErrUnavailable)
		}
		r.server.Resume()
		redistest.Eventually(t, "the session", func() bool {
			_, err := r.Get(r.Attach(t.Context(), token))
			return err == nil
		})
	}
}

// Close ends the probes and all commands in flight, even if the master does not answer.
func TestCloseWhileAMasterIsProbed(t *testing.T) {
	server := redistest.Start(t)
	rdb := server.Client(t)
	open := func() *manager {
		return session.New[data](rdb, session.Namespace(redistest.Unique(t)), session.Timeout(waits), session.Logger(slog.New(slog.DiscardHandler)))
	}
	idle := open()
	require.NoError(t, idle.Close(), "before its first use")
	server.Pause()
	for range 3 { // before, just before and after the breaker opens
		for _, failures := range []int{1, mostFailures - 1, 2 * mostFailures} {
			m := open()
			var wg sync.WaitGroup
			for range failures {
				wg.Go(func() { _, _ = m.Get(m.Attach(t.Context(), strings.Repeat("A", 64))) })
			}
			wg.Go(func() {
				time.Sleep(waits)
				began := time.Now()
				if err := m.Close(); err != nil {
					t.Error(err)
				}
				if took := time.Since(began); took > 3*waits {
					t.Errorf("Close took %v", took)
				}
			})
			wg.Wait()
			_, err := m.Get(m.Attach(t.Context(), strings.Repeat("A", 64)))
			require.ErrorIs(t, err, session.ErrUnavailable, "closed")
			require.NoError(t, m.Close(), "again")
		}
	}
	server.Resume()
}

// Errors of single commands, and callers who give up, do not open the breaker.
func TestOnlyAMasterThatDoesNotAnswerOpensTheBreaker(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		var logged logs
		ns := redistest.Unique(t)
		m := node(t, rdb, session.Namespace(ns), session.Logger(logged.logger()))
		token := login(t, m, "ann", "")
		key := ns + ":s:" + handleOf(t, m, token)
		require.NoError(t, errors.Join(rdb.Del(t.Context(), key).Err(), rdb.RPush(t.Context(), key, "x").Err()))
		left, cancel := context.WithCancel(t.Context())
		cancel()
		for range 3 * mostFailures {
			_, err := m.Get(m.Attach(left, token))
			require.ErrorIs(t, err, context.Canceled)
			require.False(t, valid(t, m, token))
		}
		login(t, m, "ann", "")
		require.False(t, logged.has("does not answer"))
	})
}

// logs collects log messages.
type logs struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *logs) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logs) logger() *slog.Logger { return slog.New(slog.NewTextHandler(l, nil)) }

func (l *logs) has(text string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Contains(l.text.String(), text)
}
