package bench

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/session"
	"github.com/stretchr/testify/require"
)

type basket struct{ N int }

// streamSite has a page with an EventSource of what the session has, and buttons that change it.
func streamSite(m *session.Manager[basket]) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		user, _ := m.User(r.Context())
		w.Header().Set("Content-Type", "text/html")
		_, _ = fmt.Fprintf(w, `<p>hello %s</p><script>
			const all = []; let closed = false
			const stream = new EventSource("/stream")
			stream.onmessage = e => all.push(e.data)
			stream.addEventListener("end", e => { all.push("end: " + e.data); closed = true; stream.close() })
		</script>`, user)
	})
	mux.HandleFunc("GET /stream", func(w http.ResponseWriter, r *http.Request) {
		ctx, err := m.Watch(r.Context())
		if err != nil {
			http.Error(w, "log in", http.StatusUnauthorized)
			return
		}
		w.Header().Set("Content-Type", "text/event-stream")
		for last := ""; ctx.Err() == nil; pauseFor(ctx, 20*time.Millisecond) {
			user, err := m.User(ctx)
			b, _ := m.Get(ctx)
			if now := fmt.Sprint(user, " ", b.N); err == nil && now != last && ctx.Err() == nil {
				_, _ = fmt.Fprintf(w, "data: %s\n\n", now)
				_ = http.NewResponseController(w).Flush()
				last = now
			}
		}
		_, _ = fmt.Fprintf(w, "event: end\ndata: %v\n\n", context.Cause(ctx))
	})
	for path, do := range map[string]func(ctx context.Context) error{
		"/login":  func(ctx context.Context) error { return m.Login(ctx, "ann") },
		"/renew":  m.Renew,
		"/add":    func(ctx context.Context) error { return m.Update(ctx, func(b *basket) error { b.N++; return nil }) },
		"/logout": m.Destroy,
	} {
		mux.HandleFunc("POST "+path, func(w http.ResponseWriter, r *http.Request) { _, _ = fmt.Fprint(w, do(r.Context())) })
	}
	mux.HandleFunc("GET /blank", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = io.WriteString(w, "<p>blank</p>")
	})
	return m.Middleware(mux)
}

func pauseFor(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// post sends a form and returns the page's answer.
func (p *tab) post(path string) string {
	p.t.Helper()
	text, ok := p.eval(fmt.Sprintf(`fetch(%q, {method: "POST"}).then(r => r.text())`, path))
	require.True(p.t, ok, text)
	return text
}

// becomes waits until a script has a value.
func (p *tab) becomes(script, want string) {
	p.t.Helper()
	var seen string
	require.Eventually(p.t, func() bool {
		seen, _ = p.eval(script)
		return seen == want
	}, patience, 20*time.Millisecond, "waiting for %q, at last %q", want, &seen)
}

// A stream in one tab goes on through a renewal, shows what another tab changes, and ends when that logs out. The next
// stream is refused until somebody logs in.
func TestBrowserStreamEndsWithItsSession(t *testing.T) {
	c := startChromium(t)
	rdb := redistest.Start(t).Client(t)
	m := session.New[basket](rdb, session.WatchEvery(100*time.Millisecond))
	t.Cleanup(func() { require.NoError(t, m.Close()) })
	server := httptest.NewTLSServer(streamSite(m))
	t.Cleanup(server.Close)

	one, two := c.open(t), c.open(t)
	two.visit(server.URL + "/blank")
	two.shows("/blank", "blank")
	require.Equal(t, "<nil>", two.post("/login"))
	one.visit(server.URL)
	one.shows("/", "hello ann")
	one.becomes(`all.join()`, "ann 0")

	require.Equal(t, "<nil>", two.post("/add"))
	one.becomes(`all.join()`, "ann 0,ann 1")
	before := two.cookies()[0].Value
	require.Equal(t, "<nil>", two.post("/renew"))
	require.NotEqual(t, before, two.cookies()[0].Value)
	require.Equal(t, "<nil>", two.post("/add"))
	one.becomes(`all.join()`, "ann 0,ann 1,ann 2")
	require.EqualValues(t, 1, m.Stats().Watching)

	began := time.Now()
	require.Equal(t, "<nil>", two.post("/logout"))
	one.becomes(`String(closed)`, "true")
	one.becomes(`all.at(-1)`, "end: "+session.ErrEnded.Error())
	t.Logf("the stream ended %v after the logout", time.Since(began).Round(time.Millisecond))
	status, ok := one.eval(`fetch("/stream").then(r => String(r.status))`)
	require.True(t, ok)
	require.Equal(t, "401", status)

	// A browser that goes away ends its watch, too.
	require.Equal(t, "<nil>", two.post("/login"))
	one.leave(`location.reload()`)
	one.becomes(`all.join()`, "ann 0")
	one.leave(`location.href = "/blank"`)
	require.Eventually(t, func() bool { return m.Stats().Watching == 0 }, patience, 20*time.Millisecond)
}
