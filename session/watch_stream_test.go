package session_test

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/session"
)

// A stream behind the middleware ends when the user logs out in another tab.
func TestAStreamEndsAtLogout(t *testing.T) {
	m := node(t, redistestMini(t), session.WatchEvery(10*time.Millisecond))
	mux := http.NewServeMux()
	mux.Handle("/", site(m))
	mux.Handle("/stream", m.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, err := m.Watch(r.Context())
		if err != nil {
			http.Error(w, "log in", http.StatusUnauthorized)
			return
		}
		w.Header().Set("Content-Type", "text/event-stream")
		user, err := m.User(ctx)
		_, _ = fmt.Fprintf(w, "data: %s %v\n\n", user, err)
		w.(http.Flusher).Flush()
		<-ctx.Done()
		_, _ = fmt.Fprintf(w, "data: %v\n\n", context.Cause(ctx))
	})))
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	visit := func(path, cookie string) *http.Response {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+path, nil)
		require.NoError(t, err)
		r.Header.Set("Cookie", "__Host-id="+cookie)
		res, err := server.Client().Do(r)
		require.NoError(t, err)
		t.Cleanup(func() { _ = res.Body.Close() })
		return res
	}
	require.Equal(t, http.StatusUnauthorized, visit("/stream", "").StatusCode)
	token := cookieOf(t, visit("/login", "")).Value
	stream := visit("/stream", token)
	require.Equal(t, "no-store", stream.Header.Get("Cache-Control"))
	lines := bufio.NewScanner(stream.Body)
	next := func() string {
		for lines.Scan() {
			if lines.Text() != "" {
				return lines.Text()
			}
		}
		return fmt.Sprint("the end: ", lines.Err())
	}
	require.Equal(t, "data: ann <nil>", next())
	visit("/logout", token)
	require.Equal(t, "data: "+session.ErrEnded.Error(), next())
	require.Equal(t, "the end: <nil>", next())
}
