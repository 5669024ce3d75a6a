package cacheable

import (
	"context"
	"fmt"
	"time"

	"github.com/maypok86/otter/v2"

	"github.com/jollyjet/aside/internal/entry"
	"github.com/jollyjet/aside/store"
)

// Sliding ends a value's time to live early if nobody reads it for idle; [TTL] is still its end in any case. A read tells
// Redis so in the background, at most every quarter of idle for each key and process, so a value that is read at least
// every three quarters of idle stays. Reads of [Near] count too.
func Sliding(idle time.Duration) Option {
	if idle < minIdle || idle > maxTTL {
		panic(fmt.Sprintf("cacheable: Sliding(%v): use %v or more, and no more than %v", idle, minIdle, maxTTL))
	}
	return func(s *settings) { s.idle = idle }
}

// minIdle leaves time to tell Redis of a read.
const minIdle = 100 * time.Millisecond

// maxTouched bounds for how many keys a process knows that Redis has been told lately. It is told more often of others.
const maxTouched = 100_000

// slide remembers which entries Redis has been told of.
type slide struct {
	idle time.Duration
	told *otter.Cache[store.Key, struct{}]
}

func newSlide(space *entry.Cache, idle time.Duration) *slide {
	told := otter.Must(&otter.Options[store.Key, struct{}]{
		MaximumSize:      maxTouched,
		ExpiryCalculator: otter.ExpiryWriting[store.Key, struct{}](idle / 4),
	})
	space.Lifecycle().OnClose(func() { told.StopAllGoroutines() })
	return &slide{idle: idle, told: told}
}

// touchFar takes note of a hit.
func (c *Cacheable[K, V]) touchFar(ref *entry.Ref, view *entry.Entry) {
	if c.slide != nil && view.State == entry.Value {
		c.touch(ref.Key, c.left(view))
	}
}

// touchNear takes note of a hit in this process.
func (c *Cacheable[K, V]) touchNear(key K, e *nearEntry) {
	if c.slide != nil {
		c.touch(c.keyOf(key), e.rest-time.Since(e.put))
	}
}

// touch tells Redis of a read of an entry that has at most left to live.
func (c *Cacheable[K, V]) touch(key store.Key, left time.Duration) {
	if _, first := c.slide.told.SetIfAbsent(key, struct{}{}); !first {
		return
	}
	c.space.Lifecycle().Load(func() {
		ctx, cancel := c.space.Lifecycle().LoadContext(context.Background(), 0)
		defer cancel()
		if err := c.space.Touch(ctx, key, min(c.idle, left)); err != nil {
			c.slide.told.Invalidate(key) // the next read tells
		}
	})
}

// left is how long a value that was read may live at most.
func (c *Cacheable[K, V]) left(view *entry.Entry) time.Duration {
	return view.TTL() + c.maxStale - view.Age()
}
