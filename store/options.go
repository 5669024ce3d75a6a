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
	lease        time.Duration
	hold         time.Duration
	drain        time.Duration
	queue        int
	queueAge     time.Duration
	remember     time.Duration
	distrust     bool
	acks         int // replicas that are to confirm an eviction; 0: nobody waits for them
	ackWithin    time.Duration
	journal      string // path; empty: none
	breakAfter   int
	probeEvery   time.Duration // how often a master is asked while its breaker is open
	strict       bool
	replicas     bool
	tracer       Tracer        // nil: none
	trust        time.Duration // for how long what is known is used while the feed is down
	pingEvery    time.Duration // how often the feed's connection is tried
	lookAround   time.Duration // how often the masters of a Cluster are looked up
	feedRetry    time.Duration // how soon a broken feed is tried again, at most
	replayEvery  time.Duration // how soon a failed eviction is tried again, at most
	keepVersions time.Duration // for how long the version of a tag is kept at least after it was last wanted
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

// Namespace is the first part of every key, and what evict.Everything empties. The default is "aside". It is made of
// letters, digits and . _ / - and at most 100 characters long.
func Namespace(name string) Option { return connect(pkg.Namespace(name)) }

// Logger receives what an operator should know: a feed that does not work, evictions that wait, recovered panics.
// The default is slog.Default(). Nothing is logged at Info in ordinary work.
func Logger(l *slog.Logger) Option { return connect(pkg.Logger(l)) }

// Timeout bounds each command as a whole: the wait for a connection, the dial, the handshake and the reply. It replaces the
// timeouts of the client given to [Open]. The default is 500 ms.
func Timeout(d time.Duration) Option { return connect(pkg.Timeout(d)) }

// LeaseTime is how long the lease of a loader outlives its process; while the process lives the lease is renewed, so
// it does not limit how long a load may take. The default is 3 s, the least 30 ms.
func LeaseTime(d time.Duration) Option {
	pkg.AtLeast("LeaseTime", d, 30*time.Millisecond)
	return func(c *config) { c.lease = d }
}

// HoldTime is how long the hold of a writer outlives its process; while the writer lives it is renewed. The default
// is 5 s, the least 30 ms.
func HoldTime(d time.Duration) Option {
	pkg.AtLeast("HoldTime", d, 30*time.Millisecond)
	return func(c *config) { c.hold = d }
}

// DrainTime is how long [Store.Close] waits for running loads before it cancels their contexts. The default is 5 s.
func DrainTime(d time.Duration) Option {
	pkg.Positive("DrainTime", d)
	return func(c *config) { c.drain = d }
}

// BreakAfter is how many commands to a master have to fail in a row, by not being answered, before the store stops
// sending to it. Reads then go to the source at once, without waiting. A background goroutine asks the master every
// 100 ms, and when it answers everything goes on as before. The default is 5.
func BreakAfter(failures int) Option {
	if failures < 1 {
		panic(fmt.Sprintf("store: BreakAfter(%d): use 1 or more", failures))
	}
	return func(c *config) { c.breakAfter = failures }
}

// Strict makes every read ask Redis for the versions of its cache and namespace, in the same round trip as the value. For
// tags that only the value tells (cacheable.TagsOf), it asks in another. Without Strict the versions are held in process,
// kept fresh by the invalidation feed. Then evict.All, evict.Everything and the eviction of such tags reach other nodes within
// the feed's delay: under a millisecond as a rule, or a second while the feed is down. On a Cluster Strict costs every read
// a command on each of the two masters that hold these versions.
func Strict() Option { return func(c *config) { c.strict = true } }

// AllowReplicaReads accepts a Cluster client that reads from replicas. What it gives up: a replica that lags serves
// values that were evicted, so none of the guarantees about evictions hold.
func AllowReplicaReads() Option { return func(c *config) { c.replicas = true } }

// AutoPipeline sets how many commands have to be in flight before they share pipelines of one connection. Sharing
// multiplies the throughput of busy processes: Redis and this process make one system call for many commands. A command
// that finds fewer others takes a connection of its own, which is quicker for it. So do requests above 32 KiB, and keys that
// are known to have a larger value. Hooks see the pipelines, without the callers' contexts. The default is 8; 0 turns
// sharing off.
func AutoPipeline(from int) Option { return connect(pkg.AutoPipeline(from)) }

// Hooks adds hooks, such as those for tracing, to the store's client. Hooks that were added to the client given to
// [Open] can't be read from it, so they see the commands of that client alone.
func Hooks(hooks ...redis.Hook) Option { return connect(pkg.Hooks(hooks...)) }
