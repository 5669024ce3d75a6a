package session

import (
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/jollyjet/aside/codec"
	"github.com/jollyjet/aside/internal/setup"
)

// Option changes a default of [New].
type Option func(*config)

// options names the package in the panics of its options.
const options setup.Package = "session"

// config is what the options set. It does not change after New.
type config struct {
	conn       setup.Conn
	codec      codec.Codec
	idle       time.Duration
	absolute   time.Duration
	renew      time.Duration
	grace      time.Duration
	max        int
	policy     Policy
	maxBytes   int
	anonymous  bool
	observe    func(Event)
	describe   func(*http.Request) string
	watchEvery time.Duration

	bearer      bool
	cookie      string // its name, "" for the default
	domain      string
	insecure    bool
	persistent  bool
	sameSite    http.SameSite
	partitioned bool
	path        string
	csrf        *http.CrossOriginProtection
	csrfGiven   bool     // by CrossOrigin
	exempt      []string // patterns that csrf lets through
	clear       string
}

func defaults() config {
	return config{
		conn:       setup.NewConn("session", 500*time.Millisecond),
		codec:      codec.JSON(),
		idle:       30 * time.Minute,
		absolute:   12 * time.Hour,
		grace:      30 * time.Second,
		watchEvery: time.Second,
		maxBytes:   64 << 10,
		describe:   func(*http.Request) string { return "" },
		sameSite:   http.SameSiteLaxMode,
		path:       "/",
		csrf:       http.NewCrossOriginProtection(),
		clear:      `"cache", "storage"`,
	}
}

// check refuses combinations of options that make no sense, and sets the default name of the cookie.
func (c *config) check() {
	if c.renew > 0 && c.grace >= c.renew {
		panic(fmt.Sprintf("session: RenewEvery(%v) with RenewGrace(%v): use a grace period shorter than that", c.renew, c.grace))
	}
	if c.bearer && c.renew > 0 {
		panic("session: RenewEvery with Bearer: a client without cookies would not learn its new token; call Renew where it can")
	}
	if c.insecure && c.domain != "" {
		panic("session: InsecureDevelopment with Domain: leave Domain out in development")
	}
	c.checkCrossSite()
	if c.cookie == "" {
		c.cookie = c.prefix() + "id"
	}
	switch hasPrefix := c.prefix() != "" && strings.HasPrefix(c.cookie, c.prefix()); {
	case c.insecure && strings.HasPrefix(c.cookie, "__"):
		panic(fmt.Sprintf("session: InsecureDevelopment with CookieName(%q): browsers refuse that prefix without Secure; use a name without", c.cookie))
	case !c.insecure && !hasPrefix:
		panic(fmt.Sprintf("session: CookieName(%q): use a name that begins with %s", c.cookie, c.prefix()))
	}
}

func (c *config) prefix() string {
	switch {
	case c.insecure:
		return ""
	case c.domain != "" || c.path != "/":
		return "__Secure-"
	}
	return "__Host-"
}

func connect(set setup.ConnOption) Option { return func(c *config) { set(&c.conn) } }

// Namespace sets the first part of every key. The default is "session". It has up to 100 letters, digits and . _ / -.
// Managers with the same namespace share their sessions, so they must have the same T and the same idle and absolute
// times.
func Namespace(name string) Option { return connect(options.Namespace(name)) }

// Timeout limits each command as a whole: the wait for a connection, the dial, the handshake and the reply. It replaces
// the timeouts of the client given to [New]. The default is 500 ms.
func Timeout(d time.Duration) Option { return connect(options.Timeout(d)) }

// AutoPipeline sets how many commands must be in flight before they share pipelines on one connection. The default is
// 8; 0 turns sharing off. It multiplies the throughput of busy processes, because Redis and this process make one
// system call for many commands. With fewer commands in flight, each has a connection of its own, which is faster. So
// do requests above 32 KiB, and keys known to have a larger value. Hooks see the pipelines, without the callers'
// contexts.
func AutoPipeline(from int) Option { return connect(options.AutoPipeline(from)) }

// Hooks adds hooks to the manager's client, for example for tracing. Hooks of the client given to [New] only see the
// commands of that client. A hook must not send a command twice.
func Hooks(hooks ...redis.Hook) Option { return connect(options.Hooks(hooks...)) }

// Logger receives what an operator should know, such as commands that Redis refuses, once for each cause, and what to
// do about it. The default is slog.Default().
func Logger(l *slog.Logger) Option { return connect(options.Logger(l)) }

// Codec encodes the data of a session. The default is codec.JSON().
func Codec(with codec.Codec) Option {
	if with == nil {
		panic("session: Codec(nil): leave the option out for JSON")
	}
	return func(c *config) { c.codec = with }
}

// Idle ends a session that is not used for d (ASVS 5.0 7.3.1). The default is 30 minutes, the minimum 1 s. Use extends
// a session only once in a tenth of this time, so most reads write nothing. A session therefore ends after 0.9 to 1.0
// times d without use, never later.
func Idle(d time.Duration) Option {
	options.AtLeast("Idle", d, time.Second)
	return func(c *config) { c.idle = d }
}

// Absolute ends a session however much it is used (ASVS 5.0 7.3.2). It counts from Create, and again from Login.
// Renewals don't extend it. The default is 12 hours, the minimum 1 s.
func Absolute(d time.Duration) Option {
	options.AtLeast("Absolute", d, time.Second)
	return func(c *config) { c.absolute = d }
}

// RenewEvery gives a session in use a new id each time d has passed (OWASP: renewal timeout), so a token copied from a
// log or a backup soon loses its value. It does not help against a thief who uses the session at the same time as its
// owner: both receive the new id. It is off by default. The age of the id is checked when use extends the session,
// about every tenth of [Idle], and only behind the middleware. The old id stays valid for [RenewGrace].
func RenewEvery(d time.Duration) Option {
	options.AtLeast("RenewEvery", d, time.Second)
	return func(c *config) { c.renew = d }
}

// RenewGrace sets how long the old id stays valid after a renewal by [RenewEvery]. It is for requests that run in
// parallel or whose response was lost; they receive the new id as well. The default is 30 s. After Login
// and Renew the old id is worth nothing at once; for as long as this, changes by requests that still have it return
// [ErrEnded].
func RenewGrace(d time.Duration) Option {
	options.Positive("RenewGrace", d)
	return func(c *config) { c.grace = d }
}

// WatchEvery sets how often [Manager.Watch] asks Redis whether a session still exists: the most that its context outlives
// the session. The default is 1 s, the minimum 10 ms. Each watch costs one round trip of two commands that often, so
// 10,000 watches are 20,000 commands a second; use a longer time for many.
func WatchEvery(d time.Duration) Option {
	options.AtLeast("WatchEvery", d, 10*time.Millisecond)
	return func(c *config) { c.watchEvery = d }
}

// Policy decides what a login above [MaxPerUser] does.
type Policy uint8

const (
	// EvictOldest ends the session of the user that would expire first.
	EvictOldest Policy = iota + 1
	// Refuse returns [ErrTooMany] from Login.
	Refuse
)

// MaxPerUser limits the sessions of one user (ASVS 5.0 7.1.2). By default there is no limit. It holds exactly, even for
// simultaneous logins on several nodes.
func MaxPerUser(n int, policy Policy) Option {
	if n < 1 {
		panic(fmt.Sprintf("session: MaxPerUser(%d): use 1 or more, or leave the option out", n))
	}
	if policy != EvictOldest && policy != Refuse {
		panic(fmt.Sprintf("session: MaxPerUser: policy %d; use EvictOldest or Refuse", policy))
	}
	return func(c *config) { c.max, c.policy = n, policy }
}

// MaxBytes limits the encoded data of one session, including flash messages. The default is 64 KiB.
func MaxBytes(n int) Option {
	if n < 1 {
		panic(fmt.Sprintf("session: MaxBytes(%d): use 1 or more", n))
	}
	return func(c *config) { c.maxBytes = n }
}

// AnonymousWhenAway makes a request look as if it had no session while Redis is away: methods that only read return
// [ErrNoSession], and pages that need no session still work. Whatever would write fails with [ErrUnavailable]. Without
// this option reads do so, too.
func AnonymousWhenAway() Option { return func(c *config) { c.anonymous = true } }

// OnEvent is called with each [Event]. It runs on the goroutine of the request, so it must be quick. It may be called
// concurrently, and must not call the manager.
func OnEvent(observe func(Event)) Option {
	options.NotNil("OnEvent", observe == nil)
	return func(c *config) { c.observe = observe }
}

// Describe makes a label of the request that logs a user in, for List to show, such as its address and User-Agent. The
// label is cut to 256 bytes. By default it is empty.
func Describe(describe func(*http.Request) string) Option {
	options.NotNil("Describe", describe == nil)
	return func(c *config) { c.describe = describe }
}
