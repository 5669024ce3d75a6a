package session_test

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/session"
)

// tj/connect-redis#75, lfx-self-serve#1938: a slow request overwrites what a fast one has stored.
func TestNoChangeIsLost(t *testing.T) {
	const fleet, requests = 8, 100
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		all := nodes(t, fleet, rdb)
		token := login(t, all[0], "ann", begin(t, all[0], data{}))
		var wg sync.WaitGroup
		for _, m := range all {
			for range requests {
				wg.Go(func() {
					if err := m.Update(m.Attach(t.Context(), token), add(1)); err != nil {
						t.Error(err)
					}
				})
			}
		}
		wg.Wait()
		require.Equal(t, fleet*requests, get(t, all[0], token).N)
		var conflicts, saves int64
		for _, m := range all {
			conflicts += m.Stats().Conflicts
			saves += m.Stats().Saves
		}
		require.EqualValues(t, fleet*requests+2, saves)
		t.Logf("%d changes stored, %d of them again on top of another node's", saves, conflicts)
	})
}

// The goroutines of one request share its session.
func TestGoroutinesOfARequest(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		m := node(t, rdb)
		ctx := m.Attach(t.Context(), "")
		var wg sync.WaitGroup
		for range 50 {
			wg.Go(func() {
				if err := m.Update(ctx, add(1)); err != nil {
					t.Error(err)
				}
				if _, err := m.Get(ctx); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Go(func() {
			if err := m.Renew(ctx); err != nil && !errors.Is(err, session.ErrNoSession) {
				t.Error(err)
			}
		})
		wg.Wait()
		require.Equal(t, 50, get(t, m, tokenOf(t, m, ctx)).N)
		require.EqualValues(t, 1, m.Stats().Created)
	})
}

// A request that logs in gets another session. Changes by its other goroutines are kept.
func TestGoroutinesWhileTheRequestLogsIn(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		m := node(t, rdb)
		for range 10 {
			ctx := m.Attach(t.Context(), begin(t, m, data{}))
			_, err := m.Get(ctx)
			require.NoError(t, err)
			var wg sync.WaitGroup
			for i := range 20 {
				wg.Go(func() {
					if err := m.Update(ctx, add(1)); err != nil {
						t.Error(err)
					}
				})
				if i == 10 {
					wg.Go(func() {
						if err := m.Login(ctx, "ann"); err != nil {
							t.Error(err)
						}
					})
				}
			}
			wg.Wait()
			token := tokenOf(t, m, ctx)
			require.Len(t, token, 86)
			require.Equal(t, 20, get(t, m, token).N)
		}
		require.Zero(t, m.Stats().ResurrectionsRefused)
	})
}

func TestUpdateOfNothingWritesNothing(t *testing.T) {
	m := node(t, redistestMini(t))
	ctx := m.Attach(t.Context(), "")
	require.NoError(t, m.Update(ctx, add(0)))
	require.Empty(t, tokenOf(t, m, ctx), "nothing to store, no session")
	token := begin(t, m, data{N: 1})
	saves := m.Stats().Saves
	require.NoError(t, m.Update(m.Attach(t.Context(), token), add(0)))
	require.Equal(t, saves, m.Stats().Saves)
	mine := errors.New("mine")
	require.ErrorIs(t, m.Update(m.Attach(t.Context(), token), func(d *data) error { d.N = 9; return mine }), mine)
	require.ErrorIs(t, m.Update(m.Attach(t.Context(), ""), func(*data) error { return mine }), mine)
	require.Equal(t, 1, get(t, m, token).N)
}

// Update decides on the current data that nothing changes, or that a change is refused, not on data read long ago.
func TestUpdateDecidesOnWhatIsThere(t *testing.T) {
	m := node(t, redistestMini(t))
	token := begin(t, m, data{N: 1})
	slow := m.Attach(t.Context(), token)
	_, err := m.Get(slow)
	require.NoError(t, err)
	require.NoError(t, m.Update(m.Attach(t.Context(), token), add(-1)))
	claim := func(d *data) error {
		if d.N != 0 {
			return errors.New("taken")
		}
		d.N = 5
		return nil
	}
	require.NoError(t, m.Update(slow, claim))
	require.ErrorContains(t, m.Update(m.Attach(t.Context(), token), claim), "taken")
	d, err := m.Get(slow)
	require.NoError(t, err)
	require.Equal(t, 5, d.N, "a request sees its own changes")
}

// expressjs/session#632, vertx-web#2771, nextjs-auth0#2530: a request that is still running at logout writes the
// session back.
func TestSlowRequestDoesNotBringTheSessionBack(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		for name, end := range map[string]func(t *testing.T, m *manager, token string){
			"logout": func(t *testing.T, m *manager, token string) {
				require.NoError(t, m.Destroy(m.Attach(t.Context(), token)))
			},
			"all":   func(t *testing.T, m *manager, _ string) { require.NoError(t, m.DestroyAll(t.Context(), "ann")) },
			"login": func(t *testing.T, m *manager, token string) { login(t, m, "ann", token) },
			"renewal": func(t *testing.T, m *manager, token string) {
				require.NoError(t, m.Renew(m.Attach(t.Context(), token)))
			},
			"others": func(t *testing.T, m *manager, _ string) {
				require.NoError(t, m.DestroyOthers(m.Attach(t.Context(), login(t, m, "ann", ""))))
			},
			"one": func(t *testing.T, m *manager, token string) {
				require.NoError(t, m.DestroyOne(t.Context(), "ann", handleOf(t, m, token)))
			},
			"everyone": func(t *testing.T, m *manager, _ string) {
				_, err := m.DestroyEveryone(t.Context())
				require.NoError(t, err)
			},
		} {
			t.Run(name, func(t *testing.T) {
				var seen events
				all := nodes(t, 2, rdb, session.OnEvent(seen.observe))
				token := login(t, all[0], "ann", begin(t, all[0], data{N: 1}))
				slow := all[0].Attach(t.Context(), token)
				_, err := all[0].Get(slow)
				require.NoError(t, err)
				end(t, all[1], token)
				seen.kinds()

				err = all[0].Update(slow, add(1))
				require.ErrorIs(t, err, session.ErrEnded)
				require.ErrorIs(t, err, session.ErrNoSession)
				require.Contains(t, seen.kinds(), "resurrection refused")
				require.ErrorIs(t, all[0].Update(slow, add(1)), session.ErrEnded, "nor a new one")
				require.ErrorIs(t, all[0].Flash(slow, "info", "hello"), session.ErrEnded)
				_, err = all[0].Get(slow)
				require.ErrorIs(t, err, session.ErrNoSession)
				require.False(t, valid(t, all[0], token))
			})
		}
	})
}

func TestUpdateAfterOwnLogoutIsANewSession(t *testing.T) {
	m := node(t, redistestMini(t))
	token := login(t, m, "ann", begin(t, m, data{N: 7}))
	ctx := m.Attach(t.Context(), token)
	require.NoError(t, m.Destroy(ctx))
	require.NoError(t, m.Flash(ctx, "info", "You have logged out."))
	next := tokenOf(t, m, ctx)
	require.NotEqual(t, token, next)
	require.Zero(t, get(t, m, next).N)
	user, err := m.User(m.Attach(t.Context(), next))
	require.NoError(t, err)
	require.Empty(t, user)
}

// A caller may give up while it waits for its turn.
func TestUpdateObeysItsContext(t *testing.T) {
	m := node(t, redistestMini(t))
	token := begin(t, m, data{})
	inside, leave := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		var once sync.Once
		err := m.Update(m.Attach(t.Context(), token), func(d *data) error {
			once.Do(func() { close(inside); <-leave })
			d.N++
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	})
	<-inside
	ctx, cancel := context.WithCancel(t.Context())
	other := m.Attach(ctx, token)
	_, err := m.Get(other)
	require.NoError(t, err)
	cancel()
	require.ErrorIs(t, m.Update(other, add(1)), context.Canceled)
	close(leave)
	wg.Wait()
	require.Equal(t, 1, get(t, m, token).N)
}
