package consistency

import (
	"context"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/jollyjet/aside/store"
)

// Status is the condition of a store or a component.
type Status string

// The statuses, from best to worst.
const (
	OK       Status = "ok"
	Degraded Status = "degraded" // it works, but not as it should
	Down     Status = "down"
)

// Component is a part of the store that has a health status.
type Component string

// The components.
const (
	Redis    Component = "redis"    // the masters, and how fast they answer: down if none answers
	Breaker  Component = "breaker"  // the circuit breakers of the masters: down if all are open
	Feed     Component = "feed"     // the invalidation feed: down if changes by other nodes are not reported at once
	Recovery Component = "recovery" // degraded while evictions are queued for Redis, or the journal can't be written
	Near     Component = "near"     // degraded while near values are used for at most a second because the feed is down
	Commands Component = "commands" // degraded while Redis refuses commands
)

// HealthReport is the health of a store. The handlers answer with it as JSON.
type HealthReport struct {
	Status     Status                        `json:"status"`
	Ready      bool                          `json:"ready"`
	Namespace  string                        `json:"namespace"`
	Components map[Component]ComponentHealth `json:"components,omitempty"` // nil if the store is closed
}

// ComponentHealth is the health of a component. Fields of other components are empty.
type ComponentHealth struct {
	Status  Status       `json:"status"`
	Nodes   []NodeHealth `json:"nodes,omitempty"`   // of Redis
	Open    []string     `json:"open,omitempty"`    // masters whose breaker is open, of Breaker
	Trips   int64        `json:"trips,omitempty"`   // times that a breaker opened, of Breaker
	LagMS   float64      `json:"lag_ms,omitempty"`  // in milliseconds, of Feed
	Drops   int64        `json:"drops,omitempty"`   // times that a connection of the feed broke, of Feed
	Pending int64        `json:"pending,omitempty"` // queued evictions, of Recovery
	Journal string       `json:"journal,omitempty"` // why the journal can't be written, of Recovery
	Entries int64        `json:"entries,omitempty"` // values kept in this process, of Near
	Refused []string     `json:"refused,omitempty"` // the commands, Redis's replies, and what to do about them, of Commands
}

// NodeHealth is the answer of a master.
type NodeHealth struct {
	Node      string  `json:"node"`
	LatencyMS float64 `json:"latency_ms"` // in milliseconds
	Error     string  `json:"error,omitempty"`
}

// Health checks a store. It is safe for concurrent use.
type Health struct {
	st      *store.Store
	timeout time.Duration
	needs   []Component // see Require
	pings   singleflight.Group
}

// HealthOption is an option of [NewHealth].
type HealthOption func(*Health)

// Require makes a node not ready while one of the components is down. By default only a closed store is not ready:
// without Redis the source answers reads, and if all nodes left service when Redis fails, nobody would answer at all.
// Require [Redis] if the source can't bear the load of all reads.
func Require(components ...Component) HealthOption {
	for _, c := range components {
		if !slices.Contains([]Component{Redis, Breaker, Feed}, c) {
			panic(fmt.Sprintf("consistency: Require(%q): use Redis, Breaker or Feed; others are never down", string(c)))
		}
	}
	return func(h *Health) { h.needs = append(h.needs, components...) }
}

// AnswerWithin bounds how long a check may take. The default is 1 s, the minimum 10 ms.
func AnswerWithin(d time.Duration) HealthOption {
	options.AtLeast("AnswerWithin", d, 10*time.Millisecond)
	return func(h *Health) { h.timeout = d }
}

// NewHealth returns a Health for the store. It panics if the store or an option is nil.
func NewHealth(st *store.Store, opts ...HealthOption) *Health {
	if st == nil {
		panic("consistency: NewHealth: the store is nil")
	}
	h := &Health{st: st, timeout: time.Second}
	for i, option := range opts {
		if option == nil {
			panic(fmt.Sprintf("consistency: NewHealth: option %d is nil; leave it out", i+1))
		}
		option(h)
	}
	return h
}

// Check sends a PING to every master, and reads the rest from [store.Store.Stats].
func (h *Health) Check(ctx context.Context) HealthReport {
	r := HealthReport{Status: OK, Ready: true, Namespace: h.st.Namespace()}
	pings, open := h.ping(ctx)
	if !open {
		r.Status, r.Ready = Down, false
		return r
	}
	stats := h.st.Stats()
	r.Components = map[Component]ComponentHealth{
		Redis: redisHealth(pings), Breaker: breakerHealth(&stats), Feed: feedHealth(&stats),
		Recovery: recoveryHealth(&stats), Near: nearHealth(&stats), Commands: commandsHealth(&stats),
	}
	for name, c := range r.Components {
		if c.Status == OK {
			continue
		}
		r.Status = Degraded
		if c.Status == Down && slices.Contains(h.needs, name) {
			r.Ready = false
		}
	}
	if !r.Ready {
		r.Status = Down
	}
	return r
}

// ping pings the masters, once for all callers that ask at the same time: an answer may be as old as the first of their
// questions. open is false if the store is closed.
func (h *Health) ping(ctx context.Context) (answers []store.Ping, open bool) {
	ctx, cancel := context.WithTimeout(ctx, h.timeout)
	defer cancel()
	select {
	case shared := <-h.pings.DoChan("", func() (any, error) { return h.pingOnce(ctx) }):
		if answers, _ = shared.Val.([]store.Ping); shared.Err != nil {
			answers = []store.Ping{{Err: shared.Err}}
		}
	case <-ctx.Done():
		answers = []store.Ping{{Err: ctx.Err()}}
	}
	return answers, !h.st.Closed()
}

// pingOnce has the values of ctx, but does not end with it: others wait for the answers, too. It ends a little before its
// first caller has to answer, so that the masters which have answered are told from those which have not.
func (h *Health) pingOnce(ctx context.Context) ([]store.Ping, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), h.timeout-h.timeout/10)
	defer cancel()
	answered := make(chan []store.Ping, 1)
	if !h.st.Engine().Life.Background("health", func(context.Context) { answered <- h.st.Ping(ctx) }) {
		return nil, store.ErrClosed
	}
	late := time.NewTimer(h.timeout) // after a panic of a hook, which is counted and logged
	defer late.Stop()
	select {
	case answers := <-answered:
		return answers, nil
	case <-late.C:
		return nil, context.DeadlineExceeded
	}
}

func redisHealth(pings []store.Ping) ComponentHealth {
	c := ComponentHealth{}
	failed := 0
	for _, p := range pings {
		node := NodeHealth{Node: p.Node, LatencyMS: milliseconds(p.Took)}
		if p.Err != nil {
			node.Error = p.Err.Error()
			failed++
		}
		c.Nodes = append(c.Nodes, node)
	}
	c.Status = statusOf(failed, len(pings))
	return c
}

// statusOf is the status of a component of which some parts failed.
func statusOf(failed, of int) Status {
	switch {
	case failed == 0:
		return OK
	case failed < of:
		return Degraded
	default:
		return Down
	}
}

func breakerHealth(s *store.Stats) ComponentHealth {
	open := slices.DeleteFunc(slices.Clone(s.Breakers.Open), func(node string) bool {
		return !slices.Contains(s.Breakers.Masters, node) // it is no longer a master
	})
	return ComponentHealth{Status: statusOf(len(open), len(s.Breakers.Masters)), Open: open, Trips: s.Breakers.Trips}
}

func feedHealth(s *store.Stats) ComponentHealth {
	c := ComponentHealth{Status: OK, LagMS: milliseconds(s.Feed.Lag), Drops: s.Feed.Drops}
	if !s.Feed.Up {
		c.Status = Down
	}
	return c
}

func recoveryHealth(s *store.Stats) ComponentHealth {
	c := ComponentHealth{Status: OK, Pending: s.Pending, Journal: s.Recovery.JournalFault}
	if s.Pending > 0 || c.Journal != "" {
		c.Status = Degraded
	}
	return c
}

func nearHealth(s *store.Stats) ComponentHealth {
	c := ComponentHealth{Status: OK}
	for _, cache := range s.Caches {
		c.Entries += cache.NearEntries
	}
	if c.Entries > 0 && !s.Feed.Up {
		c.Status = Degraded
	}
	return c
}

func commandsHealth(s *store.Stats) ComponentHealth {
	c := ComponentHealth{Status: OK}
	for _, r := range s.Refusals {
		c.Status = Degraded
		c.Refused = append(c.Refused, fmt.Sprintf("%s on %s: %s; %s", r.Command, r.Node, r.Reply, r.Advice))
	}
	return c
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
