package ratelimit

import (
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/jollyjet/aside/internal/setup"
)

// Option changes a default of [New] or [NewTable].
type Option func(*config)

type config struct {
	conn      setup.Conn
	name      string
	failures  int
	pause     time.Duration
	changed   func(open bool)
	fallback  fallback
	replicas  int
	localKeys int
	denyKeys  int
	shadow    bool
	shared    bool
	observe   func(Event)

	others    Policy // of a table's requests without a rule; nil is the default
	unlimited bool   // they have none

	client *ipConfig
	key    KeyFunc // nil charges the client's address
	keys   map[string]KeyFunc
	cost   func(*http.Request) int
	skip   func(*http.Request) bool
	denied func(http.ResponseWriter, *http.Request, Result)
	failed func(http.ResponseWriter, *http.Request, error)

	headers       HeaderNames
	preflights    bool // are limited
	shadowHeaders bool // are shown
	plainKeys     bool // in events
	policyOf      func(key string) Policy
}

// unnamed is the name of limiters that are given none.
const unnamed = "default"

type fallback uint8

const (
	fallbackLocal fallback = iota
	fallbackOpen
	fallbackClosed
)

func defaults() config {
	return config{
		conn:      setup.NewConn("aside", 200*time.Millisecond),
		name:      unnamed,
		failures:  5,
		pause:     time.Second,
		replicas:  1,
		localKeys: 100_000,
		headers:   IETFHeaders(),
	}
}

func (c *config) apply(options []Option) {
	for _, o := range options {
		o(c)
	}
	if c.client == nil {
		c.client = identityOf(c.key, c.keys)
	}
}

// here is this package's name in panics about its options.
const here setup.Package = "ratelimit"

// connect makes an option of one that the packages share.
func connect(set setup.ConnOption) Option { return func(c *config) { set(&c.conn) } }

// Namespace is the first part of every key. The default is "aside". It consists of up to 100 letters, digits and . _ / -
func Namespace(name string) Option { return connect(here.Namespace(name)) }

// Name tells limiters apart: it is part of every key, and the label of statistics. Limiters of the same name and namespace
// share their state if their policies are equal, or differ only in a limit or burst, so a limit can change in a deployment
// without forgetting what was charged. Another window, rate, lease or kind of policy begins anew; a [SlidingWindow] of up to 20
// and one above are two kinds. The default is "default",
// with which a limit is part of the state too: limiters without a name share only if their policies are equal. The same
// characters are allowed as in a [Namespace].
//
// One process should have one limiter of a name. A second one with the same policy is logged once; see [Shared].
func Name(name string) Option {
	here.Name("Name", name)
	return func(c *config) { c.name = name }
}

// Shared says that several limiters of this process have one name and policy on purpose, and so one state. Give it to all of
// them; without it the second one is logged as a warning, once for each state.
func Shared() Option { return func(c *config) { c.shared = true } }

// Timeout bounds each command as a whole: the wait for a connection, the dial, the handshake and the reply. It replaces the
// timeouts of the client given to [New]. The default is 200 ms.
func Timeout(d time.Duration) Option { return connect(here.Timeout(d)) }

// Breaker sets after how many unanswered commands in a row the limiter stops asking a master, and how often it then probes
// that master in the background. Meanwhile [Local], [FailOpen] or [FailClosed] decides at once. The defaults are 5 failures
// and 1 s.
func Breaker(failures int, pause time.Duration) Option {
	if failures < 1 || pause < time.Millisecond {
		panic(fmt.Sprintf("ratelimit: Breaker(%d, %v): use 1 failure or more, and a pause of 1ms or more", failures, pause))
	}
	return func(c *config) { c.failures, c.pause = failures, pause }
}

// OnBreaker calls changed when the limiter stops asking Redis and when it asks again: on a Cluster, when the first of the
// masters' breakers opens and when all are closed again. Calls come one at a time, from a goroutine of the limiter's.
// Requests are not sent to Redis before the call that says so returns, so it must be quick, and it must not close the
// limiter.
func OnBreaker(changed func(open bool)) Option {
	here.NotNil("OnBreaker", changed == nil)
	return func(c *config) { c.changed = changed }
}

// AutoPipeline sets how many commands must be in flight for them to share pipelines of one connection (go-redis's
// autopipelining). That multiplies the throughput of busy processes, because many commands take one system call. With
// fewer in flight each command uses a connection of its own, which is faster for it. The default is 8; 0 turns sharing
// off. Requests above 32 KiB, and keys whose values are known to be larger, always use connections of their own. Hooks see
// the pipelines, without the callers' contexts.
func AutoPipeline(from int) Option { return connect(here.AutoPipeline(from)) }

// Hooks adds hooks, such as those for tracing, to the limiter's client. Hooks that were added to the client given to
// [New] can't be read from it, so they only see the commands of that client. A hook must not send a command twice.
func Hooks(hooks ...redis.Hook) Option { return connect(here.Hooks(hooks...)) }

// Logger receives what an operator should know: what Redis refuses, once for each cause, with what to do about it. The
// default is slog.Default().
func Logger(l *slog.Logger) Option { return connect(here.Logger(l)) }

// FailOpen allows every request while Redis is away. It suits limits that are a courtesy, not one that guards a login.
func FailOpen() Option { return func(c *config) { c.fallback = fallbackOpen } }

// FailClosed refuses every request while Redis is away: Allow returns an error that wraps [ErrUnavailable], and the
// middleware answers 503, not 429, because the client did nothing wrong.
func FailClosed() Option { return func(c *config) { c.fallback = fallbackClosed } }

// Local decides in this process while Redis is away, by the same policy. Its limits, and the rate of a token bucket, are
// divided by the number of replicas of the service; a share is at least one permit. The default is Local(1): no process
// allows more than the whole limit. A local limiter begins with all permits, and remembers the 100,000 keys used last.
func Local(replicas int) Option {
	if replicas < 1 {
		panic(fmt.Sprintf("ratelimit: Local(%d): use the number of replicas, 1 or more", replicas))
	}
	return func(c *config) { c.fallback, c.replicas = fallbackLocal, replicas }
}

// DenyCache remembers denials of up to keys keys in this process, and repeats them without asking Redis, so that clients
// which keep trying do not load it. A denial is repeated until its RetryAfter, but for a second at most: a Reset, Refund or
// raised limit in another process takes effect after a second. It is off by default, and does nothing for [Concurrency],
// whose permits come back at any time.
func DenyCache(keys int) Option {
	if keys < 1 {
		panic(fmt.Sprintf("ratelimit: DenyCache(%d): use the number of keys to remember, 1 or more", keys))
	}
	return func(c *config) { c.denyKeys = keys }
}

// Shadow decides, counts and reports denials, but allows those requests, to try a limit on live traffic. What would have
// been denied is not charged.
func Shadow() Option { return func(c *config) { c.shadow = true } }

// Observe calls observe with each decision. It runs on the goroutine of the request, so it must be quick. The events name
// whom they are about by a hash of the key; see [ObserveKeys].
func Observe(observe func(Event)) Option {
	here.NotNil("Observe", observe == nil)
	return func(c *config) { c.observe = observe }
}

// ObserveKeys gives [Observe] the keys themselves, which may be addresses and names of users, and not hashes of them.
func ObserveKeys() Option { return func(c *config) { c.plainKeys = true } }
