package session_test

import (
	"crypto/pbkdf2"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"html"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/ratelimit"
	"github.com/jollyjet/aside/session"
)

type account struct{ salt, hash []byte }

type loginPage struct {
	sessions *session.Manager[Cart]
	failures [2]*ratelimit.Limiter // by address, by account
	accounts map[string]account    // your database
}

func (p *loginPage) login(w http.ResponseWriter, r *http.Request) {
	name, ctx := r.PostFormValue("name"), r.Context()
	// A charge before the check stops parallel guesses; by address first, so a client can't invent keys without end.
	charged, err := ratelimit.AllowAll(ctx,
		ratelimit.Ask{Limiter: p.failures[0], Key: ratelimit.ByIP()(r), N: 1},
		ratelimit.Ask{Limiter: p.failures[1], Key: name, N: 1})
	if err != nil {
		http.Error(w, "Try again later.", http.StatusServiceUnavailable)
		return
	}
	switch last := charged[len(charged)-1]; {
	case !last.Allowed:
		w.Header().Set("Retry-After", strconv.Itoa(int(last.RetryAfter/time.Second)+1))
		http.Error(w, "Too many failures. Try again later.", http.StatusTooManyRequests)
	case !p.verify(name, r.PostFormValue("password")):
		http.Error(w, "Wrong name or password.", http.StatusUnauthorized)
	default:
		for i, result := range charged {
			_ = p.failures[i].Refund(ctx, result) // if that fails, a success counts as a failure
		}
		if err := p.sessions.Login(ctx, name); err != nil {
			http.Error(w, "Try again later.", http.StatusServiceUnavailable)
			return
		}
		http.Redirect(w, r, "/", http.StatusSeeOther)
	}
}

// verify takes as long for a name that does not exist.
func (p *loginPage) verify(name, password string) bool {
	a, known := p.accounts[name]
	return subtle.ConstantTimeCompare(slowHash(password, a.salt), a.hash) == 1 && known
}

func (p *loginPage) home(w http.ResponseWriter, r *http.Request) {
	switch user, err := p.sessions.User(r.Context()); {
	case err != nil:
		http.Error(w, "Try again later.", http.StatusServiceUnavailable)
	case user == "":
		_, _ = w.Write([]byte(`<form method=post action=/login><input name=name><input name=password type=password><button>Log in`))
	default:
		_, _ = fmt.Fprintf(w, `Hello %s!`, html.EscapeString(user))
	}
}

func (p *loginPage) site() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", p.home)
	mux.HandleFunc("POST /login", p.login)
	return p.sessions.Middleware(mux)
}

// slowHash is PBKDF2, which is in the standard library. Take 600,000 rounds or more in production (OWASP, 2023).
func slowHash(password string, salt []byte) []byte {
	key, _ := pbkdf2.Key(sha256.New, password, salt, 10_000, 32) // it fails for a bad length only
	return key
}

func newLoginPage(rdb redis.UniversalClient) *loginPage {
	return &loginPage{
		sessions: session.New[Cart](rdb),
		failures: [2]*ratelimit.Limiter{
			ratelimit.New(rdb, ratelimit.SlidingWindow(10, time.Hour).Exact(), ratelimit.Name("login-address"), ratelimit.FailClosed()),
			ratelimit.New(rdb, ratelimit.SlidingWindow(3, time.Hour).Exact(), ratelimit.Name("login-account"), ratelimit.FailClosed()),
		},
		accounts: map[string]account{"ann": {[]byte("her salt"), slowHash("secret", []byte("her salt"))}},
	}
}

func (p *loginPage) close() {
	_, _, _ = p.sessions.Close(), p.failures[0].Close(), p.failures[1].Close()
}

// attempt is a request to log in.
func attempt(name, password string) *http.Request {
	r := httptest.NewRequest("POST", "/login", strings.NewReader(url.Values{"name": {name}, "password": {password}}.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return r
}

// A login page. Failures are counted by address and by account, successes are not.
func Example_login() {
	rdb, done := redistest.Example() // your own client
	defer done()
	page := newLoginPage(rdb)
	defer page.close()

	try := func(name, password string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		page.site().ServeHTTP(w, attempt(name, password))
		fmt.Println(name, password, w.Code)
		return w
	}
	in := try("ann", "secret")
	r, w := httptest.NewRequest("GET", "/", nil), httptest.NewRecorder()
	r.AddCookie(in.Result().Cookies()[0])
	page.site().ServeHTTP(w, r)
	fmt.Println(w.Body)
	for range 3 {
		try("ann", "guess")
	}
	fmt.Println(try("ann", "secret").Header().Get("Retry-After"))
	// Output:
	// ann secret 303
	// Hello ann!
	// ann guess 401
	// ann guess 401
	// ann guess 401
	// ann secret 429
	// 3600
}
