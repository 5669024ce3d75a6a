package consistency

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jollyjet/aside/store"
)

// Status is how something is.
type Status string

// The statuses, from good to bad.
const (
	OK       Status = "ok"
	Degraded Status = "degraded" // it works, but not as well as it should
	Down     Status = "down"
)

// Component is a part of the store whose health is told.
type Component string

// The components.
const (
	Redis    Component = "redis"    // whether the masters answer, and how fast: down if none does
	Breaker  Component = "breaker"  // whether all masters are used: down if none is
	Feed     Component = "feed"     // whether changes by other nodes are noticed at once: down if not
	Recovery Component = "recovery" // degraded while evictions wait for Redis
	Near     Component = "near"     // degraded while what is kept in this process is believed for a second only
	Commands Component = "commands" // degraded while Redis refuses commands
)

// HealthReport is the health of a store. As JSON it is what the handlers answer.
type HealthReport struct {
	Status     Status                        `json:"status"`
	Ready      bool                          `json:"ready"`
	Namespace  string                        `json:"namespace"`
	Components map[Component]ComponentHealth `json:"components,omitempty"` // none if the store is closed
}

// ComponentHealth is the health of a component. Fields that do not belong to it are empty.
type ComponentHealth struct {
	Status  Status       `json:"status"`
	Nodes   []NodeHealth `json:"nodes,omitempty"`   // of Redis
	Open    []string     `json:"open,omitempty"`    // masters that are not used, of Breaker
	Trips   int64        `json:"trips,omitempty"`   // times that a breaker has opened
	LagMS   float64      `json:"lag_ms,omitempty"`  // of Feed, in milliseconds
	Drops   int64        `json:"drops,omitempty"`   // times that a connection of the feed broke
	Pending int64        `json:"pending,omitempty"` // evictions that wait, of Recovery
	Entries int64        `json:"entries,omitempty"` // values in this process, of Near
	Refused []string     `json:"refused,omitempty"` // what Redis refuses, why, and what to do about it, of Commands
}

// NodeHealth is how a master answered.
type NodeHealth struct {
	Node      string  `json:"node"`
	LatencyMS float64 `json:"latency_ms"` // in milliseconds
	Error     string  `json:"error,omitempty"`
}

// Health tells how a store is. It is safe for concurrent use.
type Health struct {
	st      *store.Store
	timeout time.Duration
	needs   []Component
}

// HealthOption changes a default of [NewHealth].
type HealthOption func(*Health)

// Require makes a node that is not ready of one for which a component is down. By default only a closed store is not
// ready: without Redis reads are answered by the source, and if all nodes took themselves out of service when Redis is
// gone, nothing would be answered at all. Where the source can't bear that, require [Redis].
func Require(components ...Component) HealthOption {
	for _, c := range components {
		if !slices.Contains([]Component{Redis, Breaker, Feed}, c) {
			panic(fmt.Sprintf("consistency: Require(%q): use Redis, Breaker or Feed; others are never down", string(c)))
		}
	}
	return func(h *Health) { h.needs = append(h.needs, components...) }
}

// AnswerWithin bounds how long a check may take. The default is a second, the least 10 ms.
func AnswerWithin(d time.Duration) HealthOption {
	if d < 10*time.Millisecond {
		panic(fmt.Sprintf("consistency: AnswerWithin(%v): use 10ms or more", d))
	}
	return func(h *Health) { h.timeout = d }
}

// NewHealth tells how a store is. It panics if the store or an option is nil.
func NewHealth(st *store.Store, options ...HealthOption) *Health {
	if st == nil {
		panic("consistency: NewHealth: the store is nil")
	}
	h := &Health{st: st, timeout: time.Second}
	for i, option := range options {
		if option == nil {
			panic(fmt.Sprintf("consistency: NewHealth: option %d is nil; leave it out", i+1))
		}
		option(h)
	}
	return h
}

// Check asks every master whether it is there, and reads the rest from [store.Store.Stats].
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

// ping asks the masters. It reports false if the store is closed.
func (h *Health) ping(ctx context.Context) ([]store.Ping, bool) {
	ctx, cancel := context.WithTimeout(ctx, h.timeout)
	defer cancel()
	answers := make(chan []store.Ping, 1)
	if !h.st.Background("health", func(context.Context) { answers <- h.st.Ping(ctx) }) {
		return nil, false
	}
	select {
	case pings := <-answers:
		return pings, !h.st.Closed()
	case <-ctx.Done():
		return []store.Ping{{Err: ctx.Err()}}, !h.st.Closed()
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
	c.Status = worst(failed, len(pings))
	return c
}

// worst is the status of what has so many parts of which some do not work.
func worst(failed, of int) Status {
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
	return ComponentHealth{Status: worst(len(open), len(s.Breakers.Masters)), Open: open, Trips: s.Breakers.Trips}
}

func feedHealth(s *store.Stats) ComponentHealth {
	c := ComponentHealth{Status: OK, LagMS: milliseconds(s.Feed.Lag), Drops: s.Feed.Drops}
	if !s.Feed.Up {
		c.Status = Down
	}
	return c
}

func recoveryHealth(s *store.Stats) ComponentHealth {
	c := ComponentHealth{Status: OK, Pending: s.Pending}
	if s.Pending > 0 {
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
