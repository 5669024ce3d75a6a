package cacheable

import (
	"context"
	"sync"
	"time"

	"github.com/jollyjet/aside/internal/entry"
)

// Source says where the answer to a read came from.
type Source uint8

// The sources of an answer.
const (
	SourceMiss     Source = iota // the loader, run for this caller or for several
	SourceHit                    // Redis
	SourceStale                  // Redis, past its time to live: the loader failed, was slow, or runs in the background
	SourceNegative               // Redis, which has cached that the source has nothing
	SourceBypass                 // the loader, and nothing was stored: a writer holds the key, or Redis can't be used
	SourceNear                   // this process
)

func (s Source) String() string {
	switch s {
	case SourceMiss:
		return "miss"
	case SourceHit:
		return "hit"
	case SourceStale:
		return "stale"
	case SourceNegative:
		return "negative"
	case SourceBypass:
		return "bypass"
	case SourceNear:
		return "near"
	default:
		return "unknown"
	}
}

// counter is the counter of the answers from a source.
func (s Source) counter() entry.Counter {
	switch s {
	case SourceHit:
		return entry.CountHit
	case SourceStale:
		return entry.CountStale
	case SourceNegative:
		return entry.CountNegativeHit
	case SourceBypass:
		return entry.CountBypass
	case SourceNear:
		return entry.CountNearHit
	default:
		return entry.CountMiss
	}
}

// origin is where an answer came from, and how old it is.
type origin struct {
	source Source
	age    time.Duration // at the time since, or now if since is zero
	since  time.Time
}

func (o origin) ageNow() time.Duration {
	if o.since.IsZero() {
		return o.age
	}
	return o.age + time.Since(o.since)
}

// Info describes how a read was answered.
type Info struct {
	Cache  string        // the name of the cache
	Source Source        //
	Age    time.Duration // how long ago the load of the value began; 0 if it was loaded for this read
	Took   time.Duration // how long the read took
}

// Calls collects the [Info] of every read made with one context. It is safe for concurrent use.
type Calls struct {
	mu    sync.Mutex
	infos []Info // guarded by mu
}

type callsKey struct{}

// WithInfo returns a context that collects an [Info] for each read made with it.
func WithInfo(ctx context.Context) (context.Context, *Calls) {
	c := &Calls{}
	return context.WithValue(ctx, callsKey{}, c), c
}

// callsOf returns the Calls of a context, or nil if it has none.
func callsOf(ctx context.Context) *Calls {
	calls, _ := ctx.Value(callsKey{}).(*Calls)
	return calls
}

// Last returns the most recent Info. It reports false if there is none.
func (c *Calls) Last() (Info, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.infos) == 0 {
		return Info{}, false
	}
	return c.infos[len(c.infos)-1], true
}

// All returns every Info, in the order in which the reads ended.
func (c *Calls) All() []Info {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]Info(nil), c.infos...)
}

func (c *Calls) add(i Info) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.infos = append(c.infos, i)
}
