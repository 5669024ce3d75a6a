package session_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/session"
)

func TestChangesWithinUpdateFailAtOnce(t *testing.T) {
	m := node(t, redistestMini(t))
	for name, change := range map[string]func(ctx context.Context) error{
		"update":  func(ctx context.Context) error { return m.Update(ctx, add(1)) },
		"flash":   func(ctx context.Context) error { return m.Flash(ctx, "info", "hello") },
		"login":   func(ctx context.Context) error { return m.Login(ctx, "ann") },
		"renew":   m.Renew,
		"destroy": m.Destroy,
	} {
		for _, token := range []string{"", begin(t, m, data{N: 1})} {
			ctx := m.Attach(t.Context(), token)
			require.ErrorIs(t, m.Update(ctx, func(*data) error { return change(ctx) }), session.ErrWithinUpdate, name)
			require.NoError(t, m.Update(ctx, add(1)))
		}
	}
}

func TestApplyThatFailsRunsOnce(t *testing.T) {
	m := node(t, redistestMini(t))
	ctx := m.Attach(t.Context(), begin(t, m, data{N: 1}))
	_, err := m.Get(ctx)
	require.NoError(t, err)
	calls, no := 0, errors.New("no")
	require.ErrorIs(t, m.Update(ctx, func(*data) error { calls++; return no }), no)
	require.Equal(t, 1, calls)
}

func TestUpdateAfterTheDeadlineDoesNotBlameRedis(t *testing.T) {
	m := node(t, redistestMini(t))
	ctx, cancel := context.WithDeadline(m.Attach(t.Context(), begin(t, m, data{})), time.Unix(1, 0))
	defer cancel()
	err := m.Update(ctx, add(1))
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.NotErrorIs(t, err, session.ErrUnavailable)
}

func TestLogoutWithoutASessionClearsNothing(t *testing.T) {
	h := site(node(t, redistestMini(t)))
	for _, cookie := range []string{"", "rubbish", strings.Repeat("A", 64)} {
		require.Empty(t, serve(h, "/logout", cookie).Header.Get("Clear-Site-Data"))
	}
	token := cookieOf(t, serve(h, "/login", "")).Value
	require.NotEmpty(t, serve(h, "/logout", token).Header.Get("Clear-Site-Data"))
}

func TestPlainHTTPIsLoggedOnce(t *testing.T) {
	var log bytes.Buffer
	h := site(node(t, redistestMini(t), session.Logger(slog.New(slog.NewTextHandler(&log, nil)))))
	count := func() int { return strings.Count(log.String(), "over plain HTTP") }
	serve(h, "https://shop.test/login", "")
	serve(h, "http://localhost:8080/login", "")
	serve(h, "http://127.0.0.1:8080/login", "")
	serve(h, "http://shop.test/login", "", func(r *http.Request) { r.Header.Set("X-Forwarded-Proto", "https") })
	require.Zero(t, count())
	for range 3 {
		serve(h, "http://shop.test/login", "")
	}
	require.Equal(t, 1, count(), log.String())
}
