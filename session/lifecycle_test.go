package session_test

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/session"
)

func TestLife(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		var seen events
		m := node(t, rdb, session.OnEvent(seen.observe))
		ctx := m.Attach(t.Context(), "")
		_, err := m.Get(ctx)
		require.ErrorIs(t, err, session.ErrNoSession)
		require.ErrorIs(t, m.Renew(ctx), session.ErrNoSession)
		require.ErrorIs(t, m.DestroyOthers(ctx), session.ErrNoSession)
		require.NoError(t, m.Destroy(ctx))
		require.Empty(t, tokenOf(t, m, ctx))

		require.NoError(t, m.Update(ctx, add(1)), "an update begins a session")
		require.NoError(t, m.Update(ctx, add(1)))
		first := tokenOf(t, m, ctx)
		require.Len(t, first, 64)
		require.Equal(t, data{N: 2}, get(t, m, first))

		require.NoError(t, m.Renew(ctx))
		second := tokenOf(t, m, ctx)
		require.NotEqual(t, first, second)
		require.False(t, valid(t, m, first))
		require.Equal(t, data{N: 2}, get(t, m, second))

		require.NoError(t, m.Login(ctx, "ann"))
		third := tokenOf(t, m, ctx)
		require.Len(t, third, 86)
		require.False(t, valid(t, m, second))
		require.Equal(t, data{N: 2}, get(t, m, third))
		user, err := m.User(m.Attach(t.Context(), third))
		require.NoError(t, err)
		require.Equal(t, "ann", user)

		require.NoError(t, m.Update(ctx, add(1)))
		require.NoError(t, m.Destroy(ctx))
		require.False(t, valid(t, m, third))
		require.Empty(t, tokenOf(t, m, ctx))
		require.Equal(t, "created, renewed, missing, logged in, missing, destroyed, missing", seen.kinds())
	})
}

func TestOnlyHashesInRedis(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		ns := redistest.Unique(t)
		m := node(t, rdb, session.Namespace(ns))
		var tokens []string
		tokens = append(tokens, begin(t, m, data{N: 1}))
		tokens = append(tokens, login(t, m, "ann@example.com", ""))
		keys := keysOf(t, rdb, ns)
		require.Len(t, keys, 3)
		var dump strings.Builder
		for _, key := range keys {
			ttl, err := rdb.PTTL(t.Context(), key).Result()
			require.NoError(t, err)
			require.Positive(t, ttl, "%s must end by itself", key)
			value, err := rdb.Get(t.Context(), key).Result()
			if err != nil {
				members, err := rdb.ZRange(t.Context(), key, 0, -1).Result()
				require.NoError(t, err)
				value = strings.Join(members, " ")
			}
			dump.WriteString(key + value)
			require.NotContains(t, key, "ann")
		}
		for _, text := range tokens {
			raw, err := base64.RawURLEncoding.DecodeString(text)
			require.NoError(t, err)
			for from := 0; from+8 <= len(raw); from += 8 {
				part := raw[from : from+8]
				require.NotContains(t, dump.String(), string(part), "no part of a token")
				require.NotContains(t, dump.String(), base64.RawURLEncoding.EncodeToString(part)[:10])
			}
		}
	})
}

// scs restarts the absolute lifetime with each RenewToken.
func TestRenewKeepsTheDeadline(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		m := node(t, rdb)
		ctx := m.Attach(t.Context(), "")
		require.NoError(t, m.Login(ctx, "ann"))
		before, err := m.Info(ctx)
		require.NoError(t, err)
		require.NoError(t, m.Renew(ctx))
		after, err := m.Info(m.Attach(t.Context(), tokenOf(t, m, ctx)))
		require.NoError(t, err)
		require.Equal(t, before.Deadline, after.Deadline)
		require.Equal(t, before.Since, after.Since)
		require.Equal(t, before.Handle, after.Handle)
		require.Equal(t, 12*time.Hour, after.Deadline.Sub(after.Since))
	})
}

func TestLoginOfAnotherUserKeepsNoData(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		m := node(t, rdb)
		ann := login(t, m, "ann", begin(t, m, data{Text: "ann's"}))
		again := login(t, m, "ann", ann)
		require.Equal(t, "ann's", get(t, m, again).Text, "authenticating again keeps the data")
		require.False(t, valid(t, m, ann), "but not the id")
		bob := login(t, m, "bob", again)
		require.Empty(t, get(t, m, bob).Text)
		require.False(t, valid(t, m, again))
		list, err := m.List(t.Context(), "ann")
		require.NoError(t, err)
		require.Empty(t, list)
	})
}

func TestForeignLocator(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		m := node(t, rdb)
		ann, bob := login(t, m, "ann", ""), login(t, m, "bob", "")
		anonymous := begin(t, m, data{})
		require.False(t, valid(t, m, ann[:64]), "without its locator")
		raw := func(text string) []byte {
			b, err := base64.RawURLEncoding.DecodeString(text)
			require.NoError(t, err)
			return b
		}
		mixed := append(raw(ann)[:48:48], raw(bob)[48:]...)
		require.False(t, valid(t, m, base64.RawURLEncoding.EncodeToString(mixed)), "with another user's")
		mixed = append(raw(anonymous), raw(bob)[48:]...)
		require.False(t, valid(t, m, base64.RawURLEncoding.EncodeToString(mixed)), "with one it should not have")
		// Half a token of each of two sessions is none.
		mixed = append(raw(ann)[:16:16], raw(bob)[16:]...)
		require.False(t, valid(t, m, base64.RawURLEncoding.EncodeToString(mixed)))
		require.True(t, valid(t, m, ann))
	})
}

func TestScopeIsNeeded(t *testing.T) {
	m, other := node(t, redistestMini(t)), node(t, redistestMini(t))
	for _, ctx := range []struct{ name string }{{"none"}, {"another manager's"}} {
		c := t.Context()
		if ctx.name != "none" {
			c = other.Attach(c, "")
		}
		_, err := m.Get(c)
		require.ErrorIs(t, err, session.ErrNoScope)
		require.ErrorIs(t, m.Update(c, add(1)), session.ErrNoScope)
		require.ErrorIs(t, m.Login(c, "ann"), session.ErrNoScope)
		require.ErrorIs(t, m.Create(c, data{}), session.ErrNoScope)
		require.ErrorIs(t, m.Renew(c), session.ErrNoScope)
		require.ErrorIs(t, m.Destroy(c), session.ErrNoScope)
		require.ErrorIs(t, m.Flash(c, "k", "t"), session.ErrNoScope)
		_, err = m.Flashes(c)
		require.ErrorIs(t, err, session.ErrNoScope)
		_, err = m.User(c)
		require.ErrorIs(t, err, session.ErrNoScope)
		_, err = m.Info(c)
		require.ErrorIs(t, err, session.ErrNoScope)
		_, err = m.Token(c)
		require.ErrorIs(t, err, session.ErrNoScope)
	}
}

func TestBadUsers(t *testing.T) {
	m := node(t, redistestMini(t))
	ctx := m.Attach(t.Context(), "")
	require.ErrorIs(t, m.Login(ctx, ""), session.ErrUser)
	require.ErrorIs(t, m.Login(ctx, strings.Repeat("x", 513)), session.ErrUser)
	odd := "}{\x00\r\n:*\xff" + strings.Repeat("é", 200)
	require.NoError(t, m.Login(ctx, odd))
	user, err := m.User(m.Attach(t.Context(), tokenOf(t, m, ctx)))
	require.NoError(t, err)
	require.Equal(t, odd, user)
	list, err := m.List(t.Context(), odd)
	require.NoError(t, err)
	require.Len(t, list, 1)
}

func TestTooLarge(t *testing.T) {
	m := node(t, redistestMini(t), session.MaxBytes(100))
	ctx := m.Attach(t.Context(), "")
	require.ErrorIs(t, m.Create(ctx, data{Text: strings.Repeat("x", 100)}), session.ErrTooLarge)
	require.NoError(t, m.Create(ctx, data{Text: "small"}))
	require.ErrorIs(t, m.Update(ctx, func(d *data) error { d.Text = strings.Repeat("x", 100); return nil }), session.ErrTooLarge)
	require.ErrorIs(t, m.Flash(ctx, "info", strings.Repeat("x", 100)), session.ErrTooLarge)
	require.Equal(t, "small", get(t, m, tokenOf(t, m, ctx)).Text)
}

func redistestMini(t testing.TB) *redis.Client {
	t.Helper()
	rdb := redis.NewClient(&redis.Options{Addr: redistest.Mini(t).Addr()})
	t.Cleanup(func() { require.NoError(t, rdb.Close()) })
	return rdb
}
