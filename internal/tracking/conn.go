package tracking

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/jollyjet/aside/internal/envelope"
	"github.com/jollyjet/aside/internal/pause"
	"github.com/jollyjet/aside/internal/redisx"
	"github.com/jollyjet/aside/internal/wire"
)

const invalidations = "__redis__:invalidate" // the channel on which Redis names changed keys to a RESP2 connection

// firstRetry is how soon a broken connection is made again the first time.
const firstRetry = 20 * time.Millisecond

var (
	errSecondConn = errors.New("a tracking session is one connection")
	errProbe      = errors.New("the change of a probe key was not reported")
)

// conn is the tracker's connection to one master.
type conn struct {
	tracker *Tracker
	addr    string
	node    *redisx.Node
	cancel  context.CancelFunc
	up      bool // under the tracker's mu
	tried   bool // likewise: the first try has ended

	warned  string          // the failure that was logged last; empty if none is open; of the goroutine that runs the connection
	reached redisx.Identity // the server that the connection leads to; set before watch starts, and read by it
	lag     lag
}

// run keeps a session going until ctx ends.
func (c *conn) run(ctx context.Context) {
	retryMost := c.tracker.cfg.RetryMost
	backoff := pause.Backoff{Least: firstRetry, Most: retryMost}
	for ctx.Err() == nil {
		started := time.Now()
		err := c.session(ctx)
		c.tracker.set(c, false)
		c.tracker.tried(c)
		if ctx.Err() != nil {
			return
		}
		c.report(err)
		if time.Since(started) > time.Second {
			backoff.Reset()
		}
		switch backoff.Most = retryMost; {
		case redisx.UnknownCommand(err):
			backoff.Most = 120 * retryMost
			backoff.Longest()
		case redisx.Refused(err): // what was refused may be allowed soon
			backoff.Most = 4 * retryMost
		}
		if !backoff.Wait(ctx) {
			return
		}
	}
}

// report logs a failure: at Warn the first time, at Debug while it stays the same.
func (c *conn) report(err error) {
	log, text := c.tracker.cfg.Log.Debug, ""
	if err != nil {
		text = err.Error()
	}
	if text != c.warned {
		log, c.warned = c.tracker.cfg.Log.Warn, text
	}
	why := "aside: the invalidation feed is interrupted"
	switch {
	case redisx.UnknownCommand(err):
		why = "aside: this Redis does not offer CLIENT TRACKING, so there is no invalidation feed"
	case redisx.Refused(err):
		why = "aside: Redis refuses the invalidation feed; " + c.tracker.cfg.Wire.Client().Remedy(err)
	}
	log(why+"; evict.All, evict.Everything and changes of values kept by cacheable.Near, made by other nodes, take up to "+
		c.tracker.cfg.Untracked.String()+" to be seen; everything else is seen at once", "master", c.addr, "cause", err)
}

// restored logs that the connection works again, if its failure was logged.
func (c *conn) restored() {
	if c.warned != "" {
		c.tracker.cfg.Log.Info("aside: the invalidation feed works again", "master", c.addr)
	}
	c.warned = ""
}

// session subscribes, proves that changes are reported, and hands reports on until the connection breaks.
func (c *conn) session(ctx context.Context) error {
	client, refusal := c.client()
	defer func() { _ = client.Close() }() // of a single connection that is over
	ps := client.Subscribe(ctx)
	defer func() { _ = ps.Close() }() // likewise
	unblock := context.AfterFunc(ctx, func() { _ = ps.Close() })
	defer unblock()
	if err := ps.Subscribe(ctx, invalidations); err != nil {
		if why := refusal(); why != nil {
			return why
		}
		return fmt.Errorf("SUBSCRIBE: %w", err)
	}

	var heard atomic.Int64
	heard.Store(time.Now().UnixNano())
	watchCtx, stopWatch := context.WithCancel(ctx)
	watched := make(chan struct{})
	go func() { defer close(watched); c.watch(watchCtx, ps, &heard) }()
	defer func() { stopWatch(); <-watched }()

	probe, sent, err := c.probe(ctx)
	if err != nil {
		return err
	}
	expire := time.AfterFunc(2*c.tracker.cfg.Timeout, func() { _ = ps.Close() })
	defer expire.Stop()
	proven := false
	for {
		message, err := ps.Receive(ctx)
		heard.Store(time.Now().UnixNano())
		switch {
		case err != nil && strings.Contains(err.Error(), "unsupported pubsub message payload"):
			c.tracker.flushed() // the null that stands for all keys, which go-redis has no message for
			continue
		case err != nil && !proven && !broken(err):
			return fmt.Errorf("%w: %w", errProbe, err)
		case err != nil:
			return err
		}
		if _, ok := message.(*redis.Pong); ok {
			c.lag.answered() // behind all reports that were on their way
		}
		for _, key := range changedKeys(message) {
			if key == probe && !proven && expire.Stop() {
				proven = true
				c.works(time.Since(sent))
			}
			c.tracker.changed(key)
		}
	}
}

// works is called when the probe's change was reported.
func (c *conn) works(after time.Duration) {
	c.lag.begin(after)
	c.tracker.set(c, true)
	c.tracker.tried(c)
	c.restored()
}

func broken(err error) bool {
	var netErr net.Error
	return errors.As(err, &netErr)
}

func changedKeys(message any) []string {
	m, ok := message.(*redis.Message)
	if !ok {
		return nil
	}
	if m.PayloadSlice != nil {
		return m.PayloadSlice
	}
	return []string{m.Payload}
}

// watch closes the subscription when it has been silent for three pings: a link that was dropped without a word
// would otherwise look like a namespace in which nothing changes. So would one to a server that is no longer the one that
// new connections lead to.
func (c *conn) watch(ctx context.Context, ps *redis.PubSub, heard *atomic.Int64) {
	every := c.tracker.cfg.PingEvery
	for pause.For(ctx, every) {
		c.lag.asked()
		if !c.node.Reaches(c.reached) || time.Since(time.Unix(0, heard.Load())) > 3*every || ps.Ping(ctx) != nil {
			_ = ps.Close() // the session notices
			return
		}
	}
}

// probe changes a key on this master, so that the change has to be reported.
func (c *conn) probe(ctx context.Context) (key string, sent time.Time, err error) {
	w := c.tracker.cfg.Wire
	token := envelope.NewToken()
	for i := range 10_000 {
		key = c.tracker.cfg.Keys.Probe(fmt.Sprintf("%x-%d", token[:6], i))
		if node, err := w.Client().NodeFor(ctx, key); err == nil && node == c.node {
			break
		}
	}
	sent = time.Now()
	return key, sent, w.Run(ctx, &wire.Call{Name: "set", Key: key, Args: []any{"", "px", 1000}})
}
