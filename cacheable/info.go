package cacheable

import (
	"context"
	"sync"
	"time"
)

// Source says where the answer to a read came from.
type Source uint8

// The sources of an answer.
const (
	SourceMiss     Source = iota // the loader, run for this caller or for several
	SourceHit                    // Redis
	SourceStale                  // Redis, but older than its time to live: the loader failed or was slow
	SourceNegative               // Redis, which knows that the source has nothing
	SourceBypass                 // the loader, and nothing was stored: a writer is at work, or Redis is not to be used
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

// Info tells how a read was answered.
type Info struct {
	Cache  string        // the name of the cache
	Source Source        //
	Age    time.Duration // how long ago the load of the value began; 0 if it was loaded for this read
	Took   time.Duration // how long the read took
}

// Calls collects the [Info] of every read made with one context. It is safe for concurrent use.
type Calls struct {
	mu    sync.Mutex
	infos []Info
}

type callsKey struct{}

// WithInfo returns a context that collects how the reads made with it are answered.
func WithInfo(ctx context.Context) (context.Context, *Calls) {
	c := &Calls{}
	return context.WithValue(ctx, callsKey{}, c), c
}

// Last returns the most recent one. It reports false if there was none.
func (c *Calls) Last() (Info, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.infos) == 0 {
		return Info{}, false
	}
	return c.infos[len(c.infos)-1], true
}

// All returns all of them, in the order in which the reads ended.
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
