package session_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/session"
)

func watch(t testing.TB, m *manager, token string) context.Context {
	t.Helper()
	ctx, err := m.Watch(m.Attach(t.Context(), token))
	require.NoError(t, err)
	return ctx
}

// ends requires that a context ends within a time, and returns why it did.
func ends(t testing.TB, ctx context.Context, within time.Duration) error {
	t.Helper()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(within):
		require.FailNow(t, "the context goes on")
		return nil
	}
}

// The context of a watch ends when its session does, on whatever node that happens and however.
func TestWatchEndsWithTheSession(t *testing.T) {
	for name, end := range map[string]func(t *testing.T, m *manager, token string) error{
		"logout": func(t *testing.T, m *manager, token string) error { return m.Destroy(m.Attach(t.Context(), token)) },
		"all":    func(t *testing.T, m *manager, _ string) error { return m.DestroyAll(t.Context(), "ann") },
		"one": func(t *testing.T, m *manager, token string) error {
			return m.DestroyOne(t.Context(), "ann", handleOf(t, m, token))
		},
		"others": func(t *testing.T, m *manager, _ string) error {
			return m.DestroyOthers(m.Attach(t.Context(), login(t, m, "ann", "")))
		},
		"everyone": func(t *testing.T, m *manager, _ string) error {
			_, err := m.DestroyEveryone(t.Context())
			return err
		},
		"too many": func(t *testing.T, m *manager, _ string) error {
			login(t, m, "ann", "")
			login(t, m, "ann", "")
			return nil
		},
		"other user": func(t *testing.T, m *manager, token string) error {
			return m.Login(m.Attach(t.Context(), token), "bob")
		},
	} {
		t.Run(name, func(t *testing.T) {
			redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
				all := nodes(t, 2, rdb, session.WatchEvery(10*time.Millisecond), session.MaxPerUser(2, session.EvictOldest))
				token := login(t, all[0], "ann", "")
				ctx := watch(t, all[1], token)
				require.EqualValues(t, 1, all[1].Stats().Watching)
				require.NoError(t, end(t, all[0], token))
				require.Equal(t, session.ErrEnded, ends(t, ctx, soon))
				_, err := all[1].User(ctx)
				require.NoError(t, err)
				require.ErrorIs(t, all[1].Update(ctx, add(1)), session.ErrEnded)
				redistest.Eventually(t, "its goroutine ends", func() bool { return all[1].Stats().Watching == 0 })
			})
		})
	}
}

func TestWatchEndsWithinItsInterval(t *testing.T) {
	redistest.Bubble(t, func(t *testing.T, rdb redis.UniversalClient) {
		for _, every := range []time.Duration{0, 5 * time.Second} {
			var options []session.Option
			if every > 0 {
				options = append(options, session.WatchEvery(every))
			}
			m := node(t, rdb, append(options, session.Idle(idle))...)
			for _, start := range starts {
				token := start(t, m)
				ctx := watch(t, m, token)
				time.Sleep(time.Minute + ms)
				require.NoError(t, ctx.Err())
				require.NoError(t, m.Destroy(m.Attach(t.Context(), token)))
				require.Equal(t, session.ErrEnded, ends(t, ctx, max(every, time.Second)))
			}
		}
	})
}

// A watch does not keep its session alive; use does, also through the watch.
func TestWatchIsNoUse(t *testing.T) {
	redistest.Bubble(t, func(t *testing.T, rdb redis.UniversalClient) {
		m := node(t, rdb, session.Idle(idle), session.Absolute(time.Hour))
		for _, start := range starts {
			ctx := watch(t, m, start(t, m))
			began := time.Now()
			require.Equal(t, session.ErrEnded, ends(t, ctx, time.Hour))
			require.InDelta(t, idle, time.Since(began), float64(2*ms), "to the millisecond, whatever the interval")

			ctx = watch(t, m, start(t, m))
			began = time.Now()
			for ctx.Err() == nil {
				time.Sleep(time.Minute)
				_, err := m.User(ctx)
				require.NoError(t, err, time.Since(began))
			}
			require.InDelta(t, time.Hour, time.Since(began), float64(time.Minute), "until its absolute deadline")
		}
	})
}

func TestWatchFollowsRenewals(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		all := nodes(t, 2, rdb, session.WatchEvery(10*time.Millisecond))
		for _, start := range starts {
			token := start(t, all[0])
			ctx := watch(t, all[1], token)
			same, err := all[1].Token(ctx)
			require.NoError(t, err)
			require.Equal(t, token, same)

			renewal := all[0].Attach(t.Context(), token)
			require.NoError(t, all[0].Renew(renewal))
			if user, _ := all[0].User(renewal); user != "" {
				require.NoError(t, all[0].Login(renewal, user), "who authenticates again keeps the session")
			}
			require.NoError(t, all[0].Update(renewal, add(1)))
			require.False(t, valid(t, all[1], token))
			d, err := all[1].Get(ctx)
			require.NoError(t, err)
			require.Equal(t, 1, d.N, "it is current")
			_, err = all[1].Token(ctx)
			require.ErrorIs(t, err, session.ErrCommitted)
			require.NoError(t, all[1].Update(ctx, add(1)))
			require.NoError(t, all[1].Flash(ctx, "info", "hello"))
			next := tokenOf(t, all[0], renewal)
			require.Equal(t, 2, get(t, all[0], next).N)
			require.NoError(t, ctx.Err())

			for _, late := range []error{all[1].Login(ctx, "bob"), all[1].Renew(ctx), all[1].Create(ctx, data{})} {
				require.ErrorIs(t, late, session.ErrCommitted)
			}
			again, err := all[1].Watch(ctx)
			require.NoError(t, err)
			require.NoError(t, all[1].Destroy(ctx))
			require.Equal(t, session.ErrEnded, context.Cause(ctx), "at once")
			require.ErrorIs(t, all[1].Update(ctx, add(1)), session.ErrEnded)
			require.False(t, valid(t, all[0], next))
			require.Error(t, again.Err(), "a watch within a watch ends with it")
		}
	})
}

func TestWatchNeedsASession(t *testing.T) {
	m := node(t, redistestMini(t))
	_, err := m.Watch(t.Context())
	require.ErrorIs(t, err, session.ErrNoScope)
	_, err = m.Watch(m.Attach(t.Context(), ""))
	require.ErrorIs(t, err, session.ErrNoSession)

	token := begin(t, m, data{})
	slow := m.Attach(t.Context(), token)
	_, err = m.Get(slow)
	require.NoError(t, err)
	require.NoError(t, m.Destroy(m.Attach(t.Context(), token)))
	_, err = m.Watch(slow)
	require.ErrorIs(t, err, session.ErrEnded, "though the request has read it before")
}

func TestWatchEndsWithItsParentAndItsManager(t *testing.T) {
	m := node(t, redistestMini(t))
	token := begin(t, m, data{})
	parent, cancel := context.WithCancelCause(t.Context())
	ctx, err := m.Watch(m.Attach(parent, token))
	require.NoError(t, err)
	why := errors.New("the client is gone")
	cancel(why)
	require.Equal(t, why, ends(t, ctx, soon))
	require.True(t, valid(t, m, token))

	ctx = watch(t, m, token)
	require.NoError(t, m.Close())
	require.ErrorIs(t, ends(t, ctx, soon), session.ErrUnavailable)
	_, err = m.Watch(m.Attach(t.Context(), token))
	require.ErrorIs(t, err, session.ErrUnavailable)
	require.Zero(t, m.Stats().Watching)
}
