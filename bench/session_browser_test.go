package bench

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/session"
	"github.com/stretchr/testify/require"
)

// browserSite has a page that says who is logged in, with buttons to log in and out, and a slow one.
func browserSite(m *session.Manager[visitor]) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		user, err := m.User(r.Context())
		if err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		w.Header().Set("Content-Type", "text/html")
		_, _ = fmt.Fprintf(w, `<p>hello %s</p><form method=post action=/login><button id=in>in</button></form>`+
			`<form method=post action=/logout><button id=out>out</button></form>`, user)
	})
	mux.HandleFunc("GET /who", func(w http.ResponseWriter, r *http.Request) {
		user, err := m.User(r.Context())
		_, _ = fmt.Fprint(w, user, err)
	})
	mux.HandleFunc("GET /away", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = io.WriteString(w, "<p>away</p>")
	})
	post := func(path string, do func(r *http.Request) error) {
		mux.HandleFunc("POST "+path, func(w http.ResponseWriter, r *http.Request) {
			if err := do(r); err != nil {
				http.Error(w, err.Error(), http.StatusServiceUnavailable)
				return
			}
			http.Redirect(w, r, "/", http.StatusSeeOther)
		})
	}
	post("/login", func(r *http.Request) error { return m.Login(r.Context(), "ann") })
	post("/logout", func(r *http.Request) error { return m.Destroy(r.Context()) })
	return m.Middleware(mux)
}

// A real browser logs in, is renewed, opens a second tab in parallel, logs out, and presses back.
func TestBrowser(t *testing.T) {
	c := startChromium(t)
	rdb := redistest.Start(t).Client(t)
	// A session in use is looked at each 2 s, and gets a new id each 4 s.
	m := session.New[visitor](rdb, session.Idle(20*time.Second), session.RenewEvery(4*time.Second), session.RenewGrace(3900*time.Millisecond))
	t.Cleanup(func() { require.NoError(t, m.Close()) })
	server := httptest.NewTLSServer(browserSite(m))
	t.Cleanup(server.Close)

	one := c.open(t)
	one.visit(server.URL)
	one.shows("/", "hello ")
	require.Empty(t, one.cookies(), "an anonymous page has none")

	planted := strings.Repeat("A", 64)
	one.must("Network.setCookie", map[string]any{"name": "__Host-id", "value": planted, "url": server.URL, "secure": true, "path": "/"}, nil)
	one.leave(`document.getElementById("in").click()`)
	one.shows("/", "hello ann")
	cookies := one.cookies()
	require.Len(t, cookies, 1)
	first := cookies[0]
	require.NotEqual(t, planted, first.Value)
	require.Equal(t, browserCookie{"__Host-id", first.Value, "/", "Lax", true, true, true}, first)
	seen, ok := one.eval(`document.cookie`)
	require.True(t, ok)
	require.Empty(t, seen, "scripts can't read it")

	// Two tabs ask in parallel, again and again, across several renewals. Nobody is logged out.
	two := c.open(t)
	two.visit(server.URL)
	two.shows("/", "hello ann")
	const ask = `Promise.all(Array.from({length: 8}, () => fetch("/who").then(r => r.text()))).then(a => [...new Set(a)].join())`
	ids := map[string]bool{first.Value: true}
	for began := time.Now(); len(ids) < 3; {
		require.Less(t, time.Since(began), patience, "the id is not renewed")
		var wg sync.WaitGroup
		for _, p := range []*tab{one, two} {
			wg.Go(func() {
				if who, ok := p.eval(ask); !ok || who != "ann<nil>" {
					t.Errorf("a tab was answered %q", who)
				}
			})
		}
		wg.Wait()
		require.False(t, t.Failed())
		ids[one.cookies()[0].Value] = true
	}
	require.Positive(t, m.Stats().Renewed)

	// Logged out in one tab is logged out in both, and going back shows nothing.
	one.visit(server.URL + "/away")
	one.shows("/away", "away")
	one.leave(`history.back()`)
	one.shows("/", "hello ann")
	one.leave(`document.getElementById("out").click()`)
	one.shows("/", "hello ")
	require.Empty(t, one.cookies())
	one.leave(`history.back()`)
	one.shows("/", "hello ")
	two.leave(`location.reload()`)
	two.shows("/", "hello ")
	for id := range ids {
		_, err := m.Get(m.Attach(t.Context(), id))
		require.ErrorIs(t, err, session.ErrNoSession)
	}
}
