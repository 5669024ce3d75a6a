package session_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/session"
)

func TestLoad(t *testing.T) {
	m := node(t, redistestMini(t))
	ctx, err := m.Load(t.Context(), login(t, m, "ann", ""))
	require.NoError(t, err)
	user, err := m.User(ctx)
	require.NoError(t, err)
	require.Equal(t, "ann", user)
	for _, token := range []string{"", "abc", handleOf(t, m, login(t, m, "ann", ""))} {
		_, err = m.Load(t.Context(), token)
		require.ErrorIs(t, err, session.ErrNoSession, "a handle is not a token")
	}
}

func TestLoadHandle(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		m := node(t, rdb)
		for _, start := range starts {
			token := start(t, m)
			handle := handleOf(t, m, token)
			ctx, err := m.LoadHandle(t.Context(), handle)
			require.NoError(t, err)
			renewal := m.Attach(t.Context(), token)
			require.NoError(t, m.Renew(renewal))
			require.NoError(t, m.Update(renewal, add(3)))
			require.NoError(t, m.Update(ctx, add(4)))
			d, err := m.Get(ctx)
			require.NoError(t, err)
			require.Equal(t, 7, d.N, "it is current")
			info, err := m.Info(ctx)
			require.NoError(t, err)
			require.Equal(t, handle, info.Handle)
			for _, late := range []error{m.Login(ctx, "bob"), m.Renew(ctx), m.Create(ctx, data{})} {
				require.ErrorIs(t, late, session.ErrCommitted)
			}
			_, err = m.Token(ctx)
			require.ErrorIs(t, err, session.ErrCommitted)
			require.NoError(t, m.SetDeadline(ctx, time.Now().Add(time.Minute)))
			watched, err := m.Watch(ctx)
			require.NoError(t, err)
			require.NoError(t, m.Destroy(ctx))
			require.False(t, valid(t, m, tokenOf(t, m, renewal)))
			require.Equal(t, session.ErrEnded, ends(t, watched, soon))
			require.ErrorIs(t, m.Update(ctx, add(1)), session.ErrNoSession)
		}
		for _, handle := range []string{"", "abc", "*********************A", handleOf(t, m, begin(t, m, data{}))[1:] + "A"} {
			_, err := m.LoadHandle(t.Context(), handle)
			require.ErrorIs(t, err, session.ErrNoSession)
		}
	})
}

// A revoked session is none, though its key is still there.
func TestHandlesOfRevokedSessions(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		ns := redistest.Unique(t)
		m := node(t, rdb, session.Namespace(ns))
		handle := handleOf(t, m, login(t, m, "ann", ""))
		require.NoError(t, rdb.Del(t.Context(), keysOf(t, rdb, ns+":u:")...).Err())
		require.NoError(t, rdb.Set(t.Context(), ns+":s:damaged", "?", time.Minute).Err())
		require.NoError(t, m.Iterate(t.Context(), func(context.Context, session.Info) error { return errors.New("visited") }))
		_, err := m.LoadHandle(t.Context(), handle)
		require.ErrorIs(t, err, session.ErrNoSession)
	})
}

// Looking at a session by its handle is no use of it.
func TestLookingDoesNotExtend(t *testing.T) {
	redistest.Bubble(t, func(t *testing.T, rdb redis.UniversalClient) {
		m := node(t, rdb, session.Idle(idle))
		ctx, err := m.LoadHandle(t.Context(), handleOf(t, m, begin(t, m, data{})))
		require.NoError(t, err)
		for range 9 {
			time.Sleep(idle / 10)
			_, err := m.Get(ctx)
			require.NoError(t, err)
			require.NoError(t, m.Iterate(t.Context(), func(ctx context.Context, _ session.Info) error {
				_, err := m.Get(ctx)
				return err
			}))
		}
		time.Sleep(idle / 10)
		_, err = m.Get(ctx)
		require.ErrorIs(t, err, session.ErrEnded)
		require.Zero(t, m.Stats().Slides)
	})
}

func TestIterate(t *testing.T) {
	const users = 600 // more than one part
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		m := node(t, rdb)
		require.NoError(t, m.Iterate(t.Context(), func(context.Context, session.Info) error { return errors.New("there is none") }))
		for i := range users {
			begin(t, m, data{N: 1})
			login(t, m, fmt.Sprint("user", i), begin(t, m, data{N: 1}))
		}
		begin(t, node(t, rdb), data{N: 100}) // of another namespace
		handles, sum, last := map[string]session.Info{}, 0, int64(0)
		err := m.Iterate(t.Context(), func(ctx context.Context, s session.Info) error {
			if _, twice := handles[s.Handle]; twice {
				return nil
			}
			handles[s.Handle] = s
			if err := m.Update(ctx, add(1)); err != nil {
				return err
			}
			d, err := m.Get(ctx)
			sum += d.N
			return err
		}, session.Progress(func(n int64) {
			require.Greater(t, n, last)
			last = n
		}))
		require.NoError(t, err)
		require.Len(t, handles, 2*users)
		require.GreaterOrEqual(t, last, int64(2*users))
		require.Equal(t, 2*2*users, sum)

		// An error of the function ends it, and is not Redis's.
		enough := errors.New("enough")
		unavailable := m.Stats().Unavailable
		n := 0
		err = m.Iterate(t.Context(), func(context.Context, session.Info) error {
			if n++; n == 3 {
				return enough
			}
			return nil
		})
		require.Equal(t, enough, err)
		require.Equal(t, 3, n)
		require.Equal(t, unavailable, m.Stats().Unavailable)
		require.Panics(t, func() { session.Progress(nil) })
	})
}

// The function may end the very sessions that it visits.
func TestIterateAndDestroy(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		m := node(t, rdb)
		for i := range 50 {
			login(t, m, fmt.Sprint("user", i%5), begin(t, m, data{}))
		}
		require.NoError(t, m.Iterate(t.Context(), func(ctx context.Context, s session.Info) error {
			if s.User == "user1" {
				return m.DestroyAll(ctx, s.User)
			}
			return m.Destroy(ctx)
		}))
		left := keysOf(t, rdb, m.Namespace())
		require.Empty(t, slices.DeleteFunc(left, func(key string) bool { return strings.Contains(key, ":e:") }), "but for marks")
	})
}
