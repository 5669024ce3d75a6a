package redisx

import (
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
)

// ErrClient is wrapped by the error of [Own] for a client that can't be used. The text says what to change.
var ErrClient = errors.New("unsuitable Redis client")

// ErrReplicas is returned by [Own] for a client that reads from replicas.
var ErrReplicas = fmt.Errorf("%w: it reads from replicas, which lag; leave ReadOnly, RouteByLatency and RouteRandomly unset", ErrClient)

// ErrClosed is what becomes of a command after [Client.Close].
var ErrClosed = errors.New("the client is closed")

// IsNil reports whether there is no client, also where it is a nil pointer of a type that is one.
func IsNil(given redis.UniversalClient) bool {
	switch given := given.(type) {
	case nil:
		return true
	case *redis.Client:
		return given == nil
	case *redis.ClusterClient:
		return given == nil
	default:
		return false
	}
}

// Limits are what a client of one's own has in place of the given one's timeouts and retries.
type Limits struct {
	Timeout      time.Duration // for a whole command: the wait for a connection, the dial, the handshake and the reply
	ReplicaReads bool          // accept a client that reads from replicas, and what replicas say
	Hooks        []redis.Hook
	ShareFrom    int // so many commands on their way at once share pipelines; 0: never

	Looks   bool                  // the owner calls Look about every second, so the client need not
	Watcher Watcher               // is told whom connections reach; nil: what can't be told is logged
	Breaker func(n *Node) Breaker // of a node; nil: none
	Log     *slog.Logger          // is told what Redis refuses; nil: nobody is
	Keys    string                // the pattern of the keys that are used

	Recovered func(what string, value any) // is told of a hook's panic that no caller waits for; nil: nobody is
}

// Client is a client of one's own. All its commands are sent once, end with their callers' contexts and within the
// time-out, and are answered by masters only. When many are on their way at once they share pipelines.
type Client struct {
	limits    Limits
	own       redis.UniversalClient
	single    *Node // of a client of one node
	cluster   *redis.ClusterClient
	clustered bool        // that is what it is going to be
	sendings  sync.Pool   // of *sending
	timers    sync.Pool   // of *time.Timer
	nodes     sync.Map    // *Node by *redis.Client, of a Cluster
	known     atomic.Bool // the slots have been loaded once
	endpoints endpoints
	discovery discovery
	refusals  refusals
	scout     scout
	large     largeKeys

	busy   atomic.Int64 // commands on their way
	credit atomic.Int64 // how many more of them share

	mu      sync.Mutex // orders starting work against closing
	closed  bool
	closing chan struct{}
	working sync.WaitGroup
}

// endpoints are one for each address.
type endpoints struct {
	mu     sync.Mutex
	byAddr map[string]*endpoint
}

// sentinelAddr is what go-redis calls the node behind Sentinel, whichever it is.
const sentinelAddr = "FailoverClient"

// sentinelIdle is how long a connection to a master that Sentinel named may be idle. The connections of the client given
// are closed when Sentinel names another, but not those of ours: one that survives, because the old master hung, must not
// be used when that one is back. Before Sentinel names another, the old one has not answered for longer than this.
const sentinelIdle = time.Second

// Own makes a client from the options of another. The given one decides where Redis is and how to log in; how long to
// wait and how often to try is decided here, because what waits longer than the work that it saves is worth nothing.
func Own(given redis.UniversalClient, l Limits) (*Client, error) {
	c := &Client{limits: l, closing: make(chan struct{}), refusals: refusals{log: l.Log, keys: l.Keys}}
	c.endpoints.byAddr = make(map[string]*endpoint)
	c.discovery.client, c.scout.client = c, c
	if l.Watcher == nil && l.Log != nil {
		c.limits.Watcher = &blindness{log: l.Log}
	}
	switch given := given.(type) {
	case *redis.Client:
		c.single = c.newNode(c.nodeOptions(given.Options()), redis.NewClient)
		c.own = c.single.rdb
	case *redis.ClusterClient:
		o := given.Options()
		if o.ReadOnly && !l.ReplicaReads {
			return nil, ErrReplicas
		}
		c.clustered = true
		c.cluster = redis.NewClusterClient(c.clusterOptions(o))
		c.own, c.discovery.cluster = c.cluster, c.cluster
	default:
		return nil, fmt.Errorf("%w: %T; use a *redis.Client (one node or Sentinel) or a *redis.ClusterClient", ErrClient, given)
	}
	return c, nil
}

// newNode has a client of one node made, whose connections are guarded.
func (c *Client) newNode(o *redis.Options, build func(*redis.Options) *redis.Client) *Node {
	if o.Dialer == nil {
		o.Dialer = redis.NewDialer(o)
	}
	n := &Node{client: c, endpoint: c.endpointAt(o.Addr)}
	n.shared.node = n
	n.dial = o.Dialer
	o.Dialer = n.endpoint.guard(patient(o.Dialer))
	n.rdb = build(o)
	if c.limits.Breaker != nil {
		n.breaker = c.limits.Breaker(n)
	}
	n.rdb.AddHook(n)
	if !c.clustered {
		for _, h := range c.limits.Hooks {
			n.rdb.AddHook(h)
		}
	}
	return n
}

func (c *Client) endpointAt(addr string) *endpoint {
	c.endpoints.mu.Lock()
	defer c.endpoints.mu.Unlock()
	e := c.endpoints.byAddr[addr]
	if e == nil {
		e = &endpoint{addr: addr, replicas: c.limits.ReplicaReads, cluster: c.clustered, watcher: c.limits.Watcher}
		c.endpoints.byAddr[addr] = e
	}
	return e
}

func (c *Client) nodeOptions(given *redis.Options) *redis.Options {
	o := *given
	t := c.limits.Timeout
	o.DialTimeout, o.ReadTimeout, o.WriteTimeout, o.PoolTimeout = t, t, t, t
	o.ContextTimeoutEnabled = true
	o.DialerRetries, o.MaxRetries = 1, -1
	o.PushNotificationProcessor = nil // each client has its own
	if o.Addr == sentinelAddr && (o.ConnMaxIdleTime <= 0 || o.ConnMaxIdleTime > sentinelIdle) {
		o.ConnMaxIdleTime = sentinelIdle
	}
	return &o
}

func (c *Client) clusterOptions(given *redis.ClusterOptions) *redis.ClusterOptions {
	o := *given
	t := c.limits.Timeout
	o.DialTimeout, o.ReadTimeout, o.WriteTimeout, o.PoolTimeout = t, t, t, t
	o.ContextTimeoutEnabled = true
	o.DialerRetries, o.MaxRetries = 1, -1
	o.PushNotificationProcessor = nil // each client has its own
	build := o.NewClient              // set by redis.NewClusterClient
	o.NewClient = func(of *redis.Options) *redis.Client {
		n := c.newNode(of, build)
		c.nodes.Store(n.rdb, n)
		return n.rdb
	}
	return &o
}

// Refusals are the causes for which Redis refuses commands at present.
func (c *Client) Refusals() []Refusal { return c.refusals.now() }

// Remedy says what to do about what Redis refuses.
func (c *Client) Remedy(err error) string { return remedy(c.limits.Keys, err) }

// Close ends what is under way, and closes the connections.
func (c *Client) Close() error {
	c.mu.Lock()
	again := c.closed
	c.closed = true
	c.mu.Unlock()
	if again {
		return nil
	}
	close(c.closing)
	err := c.own.Close()
	c.working.Wait()
	return err
}

// work runs f in a goroutine that Close waits for. It reports false, and does not run f, once the client is closed.
func (c *Client) work(f func()) bool {
	if !c.hold() {
		return false
	}
	go func() {
		defer c.working.Done()
		f()
	}()
	return true
}

// hold makes Close wait for a Done of working, unless it reports false because the client is closed.
func (c *Client) hold() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.closed {
		c.working.Add(1)
	}
	return !c.closed
}
