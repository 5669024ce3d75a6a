package session_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/session"
)

// restricted is a node whose Redis user lacks some commands, beside a node whose user may do everything.
type restricted struct {
	*manager
	full   *manager
	rdb    *redis.Client // may do everything
	server *redistest.Server
	seen   events
}

func restrict(t *testing.T, server *redistest.Server, options ...session.Option) *restricted {
	t.Helper()
	r := &restricted{server: server, rdb: server.Client(t)}
	r.lacks(t)
	options = append(options, session.Namespace(redistest.Unique(t)))
	r.full = node(t, r.rdb, options...)
	r.manager = node(t, server.Client(t, func(o *redis.Options) { o.Username, o.Password = "restricted", "any" }),
		append(options, session.OnEvent(r.seen.observe))...)
	return r
}

// lacks denies the user these commands, and no others.
func (r *restricted) lacks(t *testing.T, commands ...string) {
	t.Helper()
	rules := []any{"ACL", "SETUSER", "restricted", "on", "nopass", "~*", "&*", "+@all"}
	for _, name := range commands {
		rules = append(rules, "-"+name)
	}
	_, err := r.server.Do(t.Context(), rules...)
	require.NoError(t, err)
}

// nearEnd makes the session due to be extended, and returns its key.
func (r *restricted) nearEnd(t *testing.T, token string) string {
	t.Helper()
	key := r.Namespace() + ":s:" + handleOf(t, r.full, token)
	require.NoError(t, r.rdb.PExpire(t.Context(), key, idle/2).Err())
	return key
}

func TestASessionThatCanNotBeProlongedIsStillThere(t *testing.T) {
	server := redistest.Start(t)
	for _, lacking := range []string{"getrange", "setrange", "pexpire"} {
		t.Run(lacking, func(t *testing.T) {
			r := restrict(t, server, session.Idle(idle))
			token := begin(t, r.full, data{N: 7})
			r.nearEnd(t, token)
			r.lacks(t, lacking)
			require.True(t, valid(t, r.manager, token))
			require.Equal(t, "unavailable", r.seen.kinds())
			r.lacks(t)
			require.Equal(t, 7, get(t, r.manager, token).N)
			require.Empty(t, r.seen.kinds())
		})
	}
}

// Whether a replaced id is still valid is unknown then, so it is neither accepted nor refused.
func TestAReplacedIDThatCanNotBeLookedUpIsNotRefused(t *testing.T) {
	r := restrict(t, redistest.Start(t), session.Idle(idle), session.RenewEvery(time.Minute))
	first := begin(t, r.full, data{N: 7})
	issued := fmt.Sprintf("%014d", time.Now().Add(-2*time.Minute).UnixMilli())
	require.NoError(t, r.rdb.SetRange(t.Context(), r.nearEnd(t, first), 57, issued).Err())
	second := cookieOf(t, serve(site(r.full), "/user", first)).Value
	require.NotEqual(t, first, second)

	r.lacks(t, "getrange")
	_, err := r.Get(r.Attach(t.Context(), first))
	require.ErrorIs(t, err, session.ErrUnavailable)
	require.NotErrorIs(t, err, session.ErrNoSession)
	r.lacks(t)
	require.Equal(t, 7, get(t, r.manager, first).N)
}

// A session that another takes over must end, and its data must not be lost.
func TestALoginThatCanNotEndTheFormerSessionFails(t *testing.T) {
	server := redistest.Start(t)
	for _, lacking := range []string{"get", "unlink"} {
		t.Run(lacking, func(t *testing.T) {
			r := restrict(t, server)
			token := begin(t, r.full, data{N: 7})
			ctx := r.Attach(t.Context(), token)
			_, err := r.Get(ctx)
			require.NoError(t, err)
			r.lacks(t, lacking)
			require.ErrorIs(t, r.Login(ctx, "ann"), session.ErrUnavailable)
			list, err := r.full.List(t.Context(), "ann")
			require.NoError(t, err)
			require.Empty(t, list)

			r.lacks(t)
			require.Equal(t, 7, get(t, r.full, login(t, r.manager, "ann", token)).N)
			require.False(t, valid(t, r.full, token))
		})
	}
}

func TestAChangeThatCanNotBeMadeDoesNotEndTheSession(t *testing.T) {
	server := redistest.Start(t)
	for _, lacking := range []string{"get", "pttl", "set"} {
		t.Run(lacking, func(t *testing.T) {
			r := restrict(t, server)
			token := begin(t, r.full, data{N: 7})
			ctx := r.Attach(t.Context(), token)
			_, err := r.Get(ctx)
			require.NoError(t, err)
			r.lacks(t, lacking)
			err = r.Update(ctx, add(1))
			require.ErrorIs(t, err, session.ErrUnavailable)
			require.NotErrorIs(t, err, session.ErrNoSession)
			r.lacks(t)
			require.NoError(t, r.Update(ctx, add(1)))
			require.Equal(t, 8, get(t, r.full, token).N)
		})
	}
}

// Nobody sweeps while the lock is held, which is for minutes.
func TestALockThatCanNotBeGivenUpIsReported(t *testing.T) {
	server := redistest.Start(t)
	for _, lacking := range []string{"get", "unlink"} {
		t.Run(lacking, func(t *testing.T) {
			r := restrict(t, server)
			r.lacks(t, lacking)
			_, err := r.Sweep(t.Context())
			require.NoError(t, err)
			require.Equal(t, "unavailable", r.seen.kinds())
			swept, err := r.full.Sweep(t.Context())
			require.NoError(t, err)
			require.True(t, swept.Skipped)
		})
	}
}
