package session_test

import (
	"crypto/rand"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/session"
)

// browserJar is the browser: one cookie, and requests under way that carry what it was when they were sent.
type browserJar struct {
	cookie string
	sent   []sentRequest
}

type sentRequest struct{ path, cookie string }

// receive applies the headers of a response.
func (j *browserJar) receive(res *http.Response) {
	for _, c := range res.Cookies() {
		if j.cookie = c.Value; c.MaxAge < 0 {
			j.cookie = ""
		}
	}
}

// Requests of one browser are handled in any order, each with the cookie of when it was sent. Afterwards the browser has the
// session of the last login, and no change that returned nil is lost.
func TestNoChangeOfABrowserIsLost(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		for name, test := range map[string]struct {
			start string
			ops   []string
		}{
			"with a session": {"session", []string{"/add", "/add", "/login", "/renew", "/user"}},
			"with a user's":  {"user", []string{"/add", "/add", "/login", "/renew", "/user"}},
			// A login takes over nothing that was begun with an unknown token, which somebody else may have planted.
			"gone, no login":  {"unknown", []string{"/add", "/add", "/renew", "/user"}},
			"gone, no change": {"unknown", []string{"/login", "/login", "/renew", "/user"}},
			"with logouts":    {"session", []string{"/add", "/login", "/login", "/logout", "/user"}},
		} {
			t.Run(name, func(t *testing.T) {
				ms := nodes(t, 2, rdb, session.Namespace(redistest.Unique(t)))
				sites := []http.Handler{site(ms[0]), site(ms[1])}
				rapid.Check(t, func(t *rapid.T) {
					j := &browserJar{cookie: rand.Text() + strings.Repeat("A", 38)}
					total, user := 0, ""
					switch test.start {
					case "session":
						j.receive(serve(sites[0], "/add", ""))
						total = 1
					case "user":
						j.receive(serve(sites[0], "/login", ""))
						user = "ann"
					}
					for range rapid.IntRange(2, 12).Draw(t, "steps") {
						if j.cookie != "" && rapid.Bool().Draw(t, "send") {
							j.sent = append(j.sent, sentRequest{rapid.SampledFrom(test.ops).Draw(t, "op"), j.cookie})
							continue
						}
						if len(j.sent) == 0 {
							if j.cookie == "" { // a page without a cookie, alone
								j.receive(serve(sites[0], "/login", ""))
								user = "ann"
							}
							continue
						}
						i := rapid.IntRange(0, len(j.sent)-1).Draw(t, "which")
						r := j.sent[i]
						j.sent = append(j.sent[:i], j.sent[i+1:]...)
						before := j.cookie
						res := serve(sites[rapid.IntRange(0, 1).Draw(t, "node")], r.path, r.cookie)
						ok := res.StatusCode == http.StatusOK
						j.receive(res)
						switch {
						case r.path == "/login":
							if !ok {
								t.Fatalf("login: %v", res.Status)
							}
							user = "ann"
						case ok && r.path == "/add":
							total++
						case r.path == "/logout" && before != "" && j.cookie == "":
							user = ""
						}
						if got := bodyOK(t, serve(sites[0], "/user", j.cookie)); got != user {
							t.Fatalf("the browser's user is %q after %v, want %q", got, r, user)
						}
					}
					if name == "with logouts" {
						return // what a logout ends is gone
					}
					if d, err := ms[0].Get(ms[0].Attach(t.Context(), j.cookie)); total > 0 && (err != nil || d.N != total) {
						t.Fatalf("%d of %d changes are left: %v", d.N, total, err)
					}
				})
			})
		}
	})
}

func bodyOK(t require.TestingT, res *http.Response) string {
	var text strings.Builder
	_, err := io.Copy(&text, res.Body)
	require.NoError(t, err)
	if res.StatusCode != http.StatusOK {
		return ""
	}
	return text.String()
}
