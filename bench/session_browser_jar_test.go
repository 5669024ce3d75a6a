package bench

import (
	"fmt"
	"html"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/session"
	"github.com/stretchr/testify/require"
)

// jarSite answers with whose session it is and what is in it. /slow waits before it uses the session.
func jarSite(m *session.Manager[basket], arrived, release chan struct{}) http.Handler {
	mux := http.NewServeMux()
	add := func(r *http.Request) error {
		return m.Update(r.Context(), func(b *basket) error { b.N++; return nil })
	}
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		user, err := m.User(r.Context())
		b, _ := m.Get(r.Context())
		w.Header().Set("Content-Type", "text/html")
		_, _ = fmt.Fprintf(w, "<p>%s %d %s</p>", user, b.N, html.EscapeString(fmt.Sprint(err)))
	})
	mux.HandleFunc("POST /slow", func(w http.ResponseWriter, r *http.Request) {
		arrived <- struct{}{}
		<-release
		_, _ = fmt.Fprint(w, add(r))
	})
	mux.HandleFunc("POST /add", func(w http.ResponseWriter, r *http.Request) { _, _ = fmt.Fprint(w, add(r)) })
	mux.HandleFunc("POST /login", func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprint(w, m.Login(r.Context(), r.URL.Query().Get("user")))
	})
	mux.HandleFunc("POST /renew", func(w http.ResponseWriter, r *http.Request) { _, _ = fmt.Fprint(w, m.Renew(r.Context())) })
	mux.HandleFunc("POST /logout", func(w http.ResponseWriter, r *http.Request) { _, _ = fmt.Fprint(w, m.Destroy(r.Context())) })
	return m.Middleware(mux)
}

// A request that one tab has sent before another logs in, or renews, and that is handled after it, neither undoes the
// login nor loses what it stored.
func TestBrowserParallelRequestKeepsTheLogin(t *testing.T) {
	c := startChromium(t)
	rdb := redistest.Start(t).Client(t)
	m := session.New[basket](rdb)
	t.Cleanup(func() { require.NoError(t, m.Close()) })
	arrived, release := make(chan struct{}, 1), make(chan struct{})
	server := httptest.NewTLSServer(jarSite(m, arrived, release))
	t.Cleanup(server.Close)
	one, two := c.open(t), c.open(t)
	one.visit(server.URL)
	one.shows("/", " 0 <nil>")
	two.visit(server.URL)
	two.shows("/", " 0 <nil>")
	require.Equal(t, "<nil>", one.post("/add"))

	stored := 1
	for _, step := range []string{"/login?user=ann", "/renew", "/login?user=ann"} {
		answer := make(chan string, 1)
		go func() {
			text, ok := two.eval(`fetch("/slow", {method: "POST"}).then(r => r.text())`)
			answer <- fmt.Sprint(text, " ", ok)
		}()
		<-arrived
		require.Equal(t, "<nil>", one.post(step))
		release <- struct{}{}
		if got := <-answer; got == "<nil> true" {
			stored++
		} else {
			require.Contains(t, got, session.ErrEnded.Error(), "%s: it says that it has stored nothing", step)
		}
		for _, p := range []*tab{one, two} {
			p.leave(`location.reload()`)
			p.shows("/", fmt.Sprintf("ann %d <nil>", stored))
		}
		require.Len(t, one.cookies(), 1)
	}
	require.Equal(t, "<nil>", two.post("/logout"))
	one.leave(`location.reload()`)
	one.shows("/", " 0 <nil>")
}

// The cookie of a deployment with another Domain is used while it is valid, and is no obstacle to a login after it.
func TestBrowserTwoCookiesOfOneName(t *testing.T) {
	c := startChromium(t)
	rdb := redistest.Start(t).Client(t)
	var site atomic.Pointer[http.Handler]
	deploy := func(domain string) {
		m := session.New[basket](rdb, session.Domain(domain))
		t.Cleanup(func() { require.NoError(t, m.Close()) })
		h := jarSite(m, nil, nil)
		site.Store(&h)
	}
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { (*site.Load()).ServeHTTP(w, r) }))
	t.Cleanup(server.Close)
	at, err := url.Parse(server.URL)
	require.NoError(t, err)
	home := "https://www.aside.test:" + at.Port()

	deploy("www.aside.test")
	p := c.open(t)
	p.visit(home)
	p.shows("/", " 0 <nil>")
	require.Equal(t, "<nil>", p.post("/login?user=ann"))
	deploy("aside.test")
	p.leave(`location.reload()`)
	p.shows("/", "ann 0 <nil>")
	require.Equal(t, "<nil>", p.post("/login?user=bob"))
	p.leave(`location.reload()`)
	p.shows("/", "bob 0 <nil>")
	require.Equal(t, "<nil>", p.post("/logout"))
	p.leave(`location.reload()`)
	p.shows("/", " 0 <nil>")

	// Neither is one that nobody has issued, before or after the login.
	plant := func() {
		p.must("Network.setCookie", map[string]any{
			"name": "__Secure-id", "value": strings.Repeat("A", 64), "url": home, "domain": "www.aside.test", "secure": true, "path": "/",
		}, nil)
	}
	plant()
	require.Equal(t, "<nil>", p.post("/login?user=ann"))
	p.leave(`location.reload()`)
	p.shows("/", "ann 0 <nil>")
	plant()
	require.Equal(t, "<nil>", p.post("/add"))
	p.leave(`location.reload()`)
	p.shows("/", "ann 1 <nil>")
	require.Len(t, p.cookies(), 1, "the other one is expired, with its attributes")
}
