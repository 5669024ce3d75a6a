package cacheable

import (
	"sync"
	"time"

	"github.com/jollyjet/aside/store"
)

// cooldowns are the keys of stale values that nobody is to load again yet, as far as this process has been told by Redis.
// It spares reads the question.
type cooldowns struct {
	mu    sync.RWMutex
	until map[store.Key]time.Time
}

// maxCooldowns bounds how many are known.
const maxCooldowns = 10_000

func (c *cooldowns) active(key store.Key) bool {
	c.mu.RLock()
	defer c.mu.RUnlock()
	until, ok := c.until[key]
	return ok && time.Now().Before(until)
}

func (c *cooldowns) learn(key store.Key, left time.Duration) {
	if left <= 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.until) >= maxCooldowns || c.until == nil {
		c.until = make(map[store.Key]time.Time)
	}
	c.until[key] = time.Now().Add(left)
}
