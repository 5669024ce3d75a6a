package store

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
)

const invalidations = "__redis__:invalidate" // the channel on which Redis names changed keys to a RESP2 connection

// feedConn is the feed's connection to one master.
type feedConn struct {
	feed    *feed
	addr    string
	node    *redisx.Node
	cancel  context.CancelFunc
	up      bool            // under the feed's mu
	tried   bool            // likewise: the first try has come to an end
	warned  string          // of what was said last that it does not work
	reached redisx.Identity // of the server that the connection leads to
	lag     lag
}

var (
	errSecondConn = errors.New("a feed session is one connection")
	errProbe      = errors.New("a probe key's change was not told")
)

// run keeps a session going until ctx ends.
func (c *feedConn) run(ctx context.Context) {
	again := 20 * time.Millisecond
	for ctx.Err() == nil {
		started := time.Now()
		err := c.session(ctx)
		c.feed.set(c, false)
		c.feed.settled(c)
		if ctx.Err() != nil {
			return
		}
		c.report(err)
		if time.Since(started) > time.Second {
			again = 20 * time.Millisecond
		}
		most := c.feed.st.cfg.feedRetry
		switch {
		case redisx.UnknownCommand(err):
			again, most = 120*most, 120*most
		case redisx.Refused(err): // what was refused may be allowed soon
			most *= 4
		}
		if !pause.For(ctx, again) {
			return
		}
		again = min(2*again, most)
	}
}

func (c *feedConn) report(err error) {
	log := c.feed.st.cfg.log.Debug
	if why := errorText(err); why != c.warned {
		log, c.warned = c.feed.st.cfg.log.Warn, why
	}
	why := "aside: the invalidation feed is interrupted"
	switch {
	case redisx.UnknownCommand(err):
		why = "aside: this Redis does not offer CLIENT TRACKING, so there is no invalidation feed"
	case redisx.Refused(err):
		why = "aside: Redis refuses the invalidation feed; " + c.feed.st.rdb.Remedy(err)
	}
	log(why+"; what other nodes do with evict.All and evict.Everything, and to values kept by cacheable.Near, is noticed within "+
		c.feed.st.cfg.trust.String()+", all else at once as ever", "master", c.addr, "cause", err)
}

// restored says that the feed works again, if it was said that it does not.
func (c *feedConn) restored() {
	if c.warned != "" {
		c.feed.st.cfg.log.Info("aside: the invalidation feed works again", "master", c.addr)
	}
	c.warned = ""
}

// session subscribes, proves that the feed works, and hands on what it says until it breaks.
func (c *feedConn) session(ctx context.Context) error {
	client, refusal := c.client()
	defer func() { _ = client.Close() }()
	ps := client.Subscribe(ctx)
	defer func() { _ = ps.Close() }()
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
	expire := time.AfterFunc(2*c.feed.st.cfg.timeout, func() { _ = ps.Close() })
	defer expire.Stop()
	proven := false
	for {
		message, err := ps.Receive(ctx)
		heard.Store(time.Now().UnixNano())
		switch {
		case err != nil && strings.Contains(err.Error(), "unsupported pubsub message payload"):
			c.feed.flushed() // the null that stands for all keys, which go-redis has no message for
			continue
		case err != nil && !proven && !broken(err):
			return fmt.Errorf("%w: %w", errProbe, err)
		case err != nil:
			return err
		}
		if _, ok := message.(*redis.Pong); ok {
			c.lag.answered() // behind all notices that were on their way
		}
		keys := changedKeys(message)
		for _, key := range keys {
			if key == probe && !proven && expire.Stop() {
				proven = true
				c.lag.begin(time.Since(sent))
				c.feed.set(c, true)
				c.feed.settled(c)
				c.restored()
			}
			c.feed.changed(key)
		}
	}
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

// client returns a client for exactly one connection, which has tracking switched on, and a func that says why that
// did not succeed. go-redis would silently reconnect a subscription; a second connection is refused here, because
// what was missed in between has to be reckoned with.
func (c *feedConn) client() (*redis.Client, func() error) {
	o := c.node.Options()
	o.Protocol = 2 // with RESP3 the keys would come as pushes, not as messages
	o.PoolSize, o.MinIdleConns, o.MaxRetries = 1, 0, -1
	o.PushNotificationProcessor = nil
	o.ReadTimeout, o.WriteTimeout = c.feed.st.cfg.timeout, c.feed.st.cfg.timeout
	given, connections := o.OnConnect, atomic.Int32{}
	var refusal atomic.Value
	o.OnConnect = func(ctx context.Context, cn *redis.Conn) error {
		if connections.Add(1) > 1 {
			return errSecondConn
		}
		if given != nil {
			if err := given(ctx, cn); err != nil {
				return err
			}
		}
		err := c.track(ctx, cn)
		if err != nil {
			refusal.Store(&err)
		}
		return err
	}
	return redis.NewClient(o), func() error {
		if err, ok := refusal.Load().(*error); ok {
			return *err
		}
		return nil
	}
}

func (c *feedConn) track(ctx context.Context, cn *redis.Conn) error {
	reached, err := c.node.Identify(ctx, cn)
	if err != nil {
		return err
	}
	c.reached = reached
	id, err := cn.ClientID(ctx).Result()
	if err != nil {
		return fmt.Errorf("CLIENT ID: %w", err)
	}
	err = cn.Do(ctx, "client", "tracking", "on", "redirect", id, "bcast", "prefix", feedPrefix(c.feed.st.cfg.namespace)).Err()
	if err != nil {
		return fmt.Errorf("CLIENT TRACKING: %w", err)
	}
	return nil
}

// watch closes the subscription when it has been silent for three pings: a link that was dropped without a word
// would otherwise look like a namespace in which nothing changes. So would one to a server that is no longer the one to
// which new connections lead.
func (c *feedConn) watch(ctx context.Context, ps *redis.PubSub, heard *atomic.Int64) {
	every := c.feed.st.cfg.pingEvery
	for pause.For(ctx, every) {
		c.lag.asked()
		if !c.node.Reaches(c.reached) || time.Since(time.Unix(0, heard.Load())) > 3*every || ps.Ping(ctx) != nil {
			_ = ps.Close()
			return
		}
	}
}

// probe changes a key on this master, so that the feed must tell it.
func (c *feedConn) probe(ctx context.Context) (key string, sent time.Time, err error) {
	st := c.feed.st
	token := envelope.NewToken()
	for i := range 10_000 {
		key = probeKey(st.cfg.namespace, fmt.Sprintf("%x-%d", token[:6], i))
		if node, err := st.rdb.NodeFor(ctx, key); err == nil && node == c.node {
			break
		}
	}
	sent = time.Now()
	return key, sent, st.run(ctx, &call{Name: "set", Key: key, Args: []any{"", "px", 1000}})
}
