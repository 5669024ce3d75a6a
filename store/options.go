package store

import (
	"fmt"
	"log/slog"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/jollyjet/aside/internal/setup"
)

// Option changes a default of [Open].
type Option func(*config)

type config struct {
	conn         setup.Conn
	named        bool // the namespace was given
	lease        time.Duration
	hold         time.Duration
	drain        time.Duration
	queue        int
	queueAge     time.Duration
	remember     time.Duration
	distrust     bool
	acks         int // replicas that must confirm an eviction; 0: evictions do not wait for replicas
	ackWithin    time.Duration
	journal      string // path; empty: none
	breakAfter   int
	probeEvery   time.Duration // how often a master is probed while its breaker is open
	strict       bool
	replicas     bool
	tracer       Tracer        // nil: none
	trust        time.Duration // how long cached versions are used while the feed is down
	pingEvery    time.Duration // how often the feed's connections are pinged
	lookAround   time.Duration // how often the masters of a Cluster are looked up
	feedRetry    time.Duration // longest pause between attempts to repair the feed
	replayEvery  time.Duration // longest pause between attempts to deliver an eviction
	keepVersions time.Duration // how long Redis keeps the version of a tag after its last use, at least
}

func defaults() config {
	return config{
		conn:         setup.NewConn("aside", 500*time.Millisecond),
		lease:        3 * time.Second,
		hold:         5 * time.Second,
		drain:        5 * time.Second,
		queue:        100_000,
		queueAge:     time.Hour,
		remember:     time.Minute,
		breakAfter:   5,
		probeEvery:   100 * time.Millisecond,
		trust:        time.Second,
		pingEvery:    500 * time.Millisecond,
		lookAround:   time.Second,
		feedRetry:    250 * time.Millisecond,
		replayEvery:  500 * time.Millisecond,
		keepVersions: 24 * time.Hour,
	}
}

const pkg setup.Package = "store" // in panics

func connect(set setup.ConnOption) Option { return func(c *config) { set(&c.conn) } }

// Namespace is the first part of every key, and what evict.Everything empties. It consists of up to 100 letters, digits and
// . _ / -
//
// The default is "aside", for all programs that give none: on one Redis their caches of the same name share entries, and each
// evicts everything of all. [Open] logs that at Info.
func Namespace(name string) Option {
	set := pkg.Namespace(name)
	return func(c *config) {
		set(&c.conn)
		c.named = true
	}
}

// Logger receives what an operator should know: a broken feed, queued evictions, recovered panics. The default is
// slog.Default(). Normal operation logs nothing at Info or above, but for an [Open] without [Namespace].
func Logger(l *slog.Logger) Option { return connect(pkg.Logger(l)) }

// Timeout bounds each command as a whole: the wait for a connection, the dial, the handshake and the reply. It replaces the
// timeouts of the client given to [Open]. The default is 500 ms.
func Timeout(d time.Duration) Option { return connect(pkg.Timeout(d)) }

// LeaseTime is how long the lease of a loader outlives its process. A living process renews its lease, so LeaseTime does not
// limit how long a load may take. It gives back, as soon as Redis answers, a lease whose taking was not answered, or whose
// value Redis did not take. Others wait for LeaseTime only if the taking arrives that much later than the giving back. The
// default is 3 s, the minimum 30 ms.
func LeaseTime(d time.Duration) Option {
	pkg.AtLeast("LeaseTime", d, 30*time.Millisecond)
	return func(c *config) { c.lease = d }
}

// HoldTime is how long the hold of a writer outlives its process. A living writer renews its hold. The default is 5 s, the
// minimum 30 ms.
func HoldTime(d time.Duration) Option {
	pkg.AtLeast("HoldTime", d, 30*time.Millisecond)
	return func(c *config) { c.hold = d }
}

// DrainTime is how long [Store.Close] waits for running loads before it cancels their contexts. The default is 5 s.
func DrainTime(d time.Duration) Option {
	pkg.Positive("DrainTime", d)
	return func(c *config) { c.drain = d }
}

// BreakAfter sets after how many unanswered commands in a row the store stops sending to a master. Reads then go to the
// source at once. A background goroutine probes the master every 100 ms, and the store uses it again when it answers. The
// default is 5.
func BreakAfter(failures int) Option {
	if failures < 1 {
		panic(fmt.Sprintf("store: BreakAfter(%d): use 1 or more", failures))
	}
	return func(c *config) { c.breakAfter = failures }
}

// Strict makes every read ask Redis for the versions of its cache and namespace, in the same round trip as the value. The
// versions of tags that come from the value (cacheable.TagsOf) cost another round trip. A value of cacheable.Near is confirmed
// by Redis in one round trip, without its payload.
//
// Reads that the loader of a cache makes, with the context that it got, are strict in any case: what they find is stored for
// the time to live of another entry.
//
// Without Strict the process caches these versions, and the invalidation feed keeps them fresh. Then evict.All,
// evict.Everything and the eviction of such tags reach other nodes within the feed's delay, usually under a millisecond, or
// within a second if there is no feed. On a Cluster, Strict costs every read a command on each of the two masters that hold
// these versions.
func Strict() Option { return func(c *config) { c.strict = true } }

// AllowReplicaReads accepts a Cluster client that reads from replicas. A replica that lags returns evicted values, so none of
// the guarantees about evictions hold any more.
func AllowReplicaReads() Option { return func(c *config) { c.replicas = true } }

// AutoPipeline sets how many commands must be in flight for them to share pipelines of one connection. Sharing multiplies the
// throughput of busy processes, because many commands take one system call. With fewer in flight each command uses a
// connection of its own, which is faster for it. So do requests above 32 KiB, and keys that are known to have a larger value.
// Hooks see the pipelines, without the callers' contexts. The default is 8; 0 turns sharing off.
func AutoPipeline(from int) Option { return connect(pkg.AutoPipeline(from)) }

// Hooks adds hooks, such as those for tracing, to the store's client. The store can't copy the hooks of the client given to
// [Open]; those see only the commands of that client.
func Hooks(hooks ...redis.Hook) Option { return connect(pkg.Hooks(hooks...)) }
