package session_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/session"
)

func TestDestroyAllWhileOthersLogIn(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		all := nodes(t, 4, rdb)
		for range 5 {
			var mu sync.Mutex
			var before []string
			stop := make(chan struct{})
			var wg sync.WaitGroup
			for _, m := range all {
				wg.Go(func() {
					for {
						select {
						case <-stop:
							return
						default:
						}
						ctx := m.Attach(t.Context(), "")
						if err := m.Login(ctx, "ann"); err != nil {
							t.Error(err)
							return
						}
						token, err := m.Token(ctx)
						if err != nil {
							t.Error(err)
						}
						mu.Lock()
						before = append(before, token)
						mu.Unlock()
					}
				})
			}
			require.Eventually(t, func() bool { mu.Lock(); defer mu.Unlock(); return len(before) >= 20 }, soon, often)
			mu.Lock()
			existed := slices.Clone(before)
			mu.Unlock()
			require.NoError(t, all[0].DestroyAll(t.Context(), "ann"))
			for i, token := range existed {
				require.False(t, valid(t, all[i%len(all)], token), "it existed before DestroyAll was called")
			}
			close(stop)
			wg.Wait()
			require.NoError(t, all[0].DestroyAll(t.Context(), "ann"))
			for i, token := range before {
				require.False(t, valid(t, all[i%len(all)], token))
			}
		}
	})
}

func TestMaxPerUserHoldsOnAllNodes(t *testing.T) {
	const limit, logins = 3, 40
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		for name, policy := range map[string]session.Policy{"evict": session.EvictOldest, "refuse": session.Refuse} {
			t.Run(name, func(t *testing.T) {
				all := nodes(t, 4, rdb, session.MaxPerUser(limit, policy))
				tokens := make([]string, logins)
				var wg sync.WaitGroup
				for i := range logins {
					wg.Go(func() {
						m := all[i%len(all)]
						ctx := m.Attach(t.Context(), "")
						switch err := m.Login(ctx, "ann"); {
						case policy == session.Refuse && errors.Is(err, session.ErrTooMany):
						case err != nil:
							t.Error(err)
						default:
							tokens[i], _ = m.Token(ctx)
						}
					})
				}
				wg.Wait()
				good := 0
				for _, token := range tokens {
					if token != "" && valid(t, all[0], token) {
						good++
					}
				}
				require.Equal(t, limit, good)
				list, err := all[1].List(t.Context(), "ann")
				require.NoError(t, err)
				require.Len(t, list, limit)
			})
		}
	})
}

func TestEvictOldest(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		var seen events
		m := node(t, rdb, session.MaxPerUser(2, session.EvictOldest), session.OnEvent(seen.observe))
		var tokens []string
		for range 4 {
			tokens = append(tokens, login(t, m, "ann", ""))
		}
		require.Equal(t, "logged in, logged in, revoked, logged in, revoked, logged in", seen.kinds())
		require.False(t, valid(t, m, tokens[0]))
		require.False(t, valid(t, m, tokens[1]))
		require.True(t, valid(t, m, tokens[2]))
		again := login(t, m, "ann", tokens[2])
		require.True(t, valid(t, m, tokens[3]), "who authenticates again takes nobody's place")
		require.True(t, valid(t, m, again))
	})
}

func TestRefuseChangesNothing(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		ns := redistest.Unique(t)
		m := node(t, rdb, session.Namespace(ns), session.MaxPerUser(1, session.Refuse))
		first := login(t, m, "ann", "")
		cart := begin(t, m, data{N: 3})
		keys := len(keysOf(t, rdb, ns))
		require.ErrorIs(t, m.Login(m.Attach(t.Context(), cart), "ann"), session.ErrTooMany)
		require.ErrorIs(t, m.Login(m.Attach(t.Context(), ""), "ann"), session.ErrTooMany)
		require.Equal(t, 3, get(t, m, cart).N)
		require.True(t, valid(t, m, first))
		require.Len(t, keysOf(t, rdb, ns), keys)

		// A session that Redis has lost does not count.
		require.NoError(t, rdb.Del(t.Context(), ns+":s:"+handleOf(t, m, first)).Err())
		require.Equal(t, 3, get(t, m, login(t, m, "ann", cart)).N)
	})
}

func TestListAndEndOne(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		m := node(t, rdb, session.InsecureDevelopment(),
			session.Describe(func(r *http.Request) string { return r.UserAgent() }))
		phone := login(t, m, "ann", "")
		var list []session.Info
		h := m.Middleware(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			require.NoError(t, m.Login(r.Context(), "ann"))
			var err error
			list, err = m.List(r.Context(), "ann")
			require.NoError(t, err)
		}))
		r := httptest.NewRequest(http.MethodPost, "/", nil)
		r.Header.Set("User-Agent", "laptop\xff")
		h.ServeHTTP(httptest.NewRecorder(), r)
		require.Len(t, list, 2)
		mine := slices.IndexFunc(list, func(i session.Info) bool { return i.Current })
		require.Equal(t, "laptop", list[mine].Label)
		require.Equal(t, "ann", list[mine].User)
		other := list[1-mine]
		require.False(t, other.Current)
		require.Equal(t, handleOf(t, m, phone), other.Handle)

		require.ErrorIs(t, m.DestroyOne(t.Context(), "bob", other.Handle), session.ErrNoSession, "not bob's to end")
		require.True(t, valid(t, m, phone))
		require.NoError(t, m.DestroyOne(t.Context(), "ann", other.Handle))
		require.False(t, valid(t, m, phone))
		require.ErrorIs(t, m.DestroyOne(t.Context(), "ann", other.Handle), session.ErrNoSession)
	})
}

func TestDestroyOthers(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		m := node(t, rdb)
		var others []string
		for range 3 {
			others = append(others, login(t, m, "ann", ""))
		}
		mine, bob := login(t, m, "ann", ""), login(t, m, "bob", "")
		require.NoError(t, m.DestroyOthers(m.Attach(t.Context(), mine)))
		for _, token := range others {
			require.False(t, valid(t, m, token))
		}
		require.True(t, valid(t, m, mine))
		require.True(t, valid(t, m, bob))
		require.ErrorIs(t, m.DestroyOthers(m.Attach(t.Context(), begin(t, m, data{}))), session.ErrNoSession)
	})
}

func TestDestroyEveryone(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		ns := redistest.Unique(t)
		m, other := node(t, rdb, session.Namespace(ns)), node(t, rdb)
		stays := begin(t, other, data{})
		for i := range 20 {
			begin(t, m, data{})
			login(t, m, fmt.Sprint("user", i), "")
		}
		n, err := m.DestroyEveryone(t.Context())
		require.NoError(t, err)
		require.EqualValues(t, 60, n)
		require.Empty(t, keysOf(t, rdb, ns))
		require.True(t, valid(t, other, stays))
	})
}
