package cacheable

import (
	"context"
	"fmt"
	"time"

	"github.com/maypok86/otter/v2"

	"github.com/jollyjet/aside/internal/entry"
	"github.com/jollyjet/aside/store"
)

// Sliding ends a value's time to live early if nobody reads it for idle; [TTL] still ends it in any case. A read
// extends the life of the entry in Redis in the background, at most every quarter of idle for each key and process. So
// a value that is read at least every three quarters of idle stays. Reads of [Near] count too.
func Sliding(idle time.Duration) Option {
	if idle < minIdle || idle > maxTTL {
		panic(fmt.Sprintf("cacheable: Sliding(%v): use %v or more, and no more than %v", idle, minIdle, maxTTL))
	}
	return func(s *settings) { s.idle = idle }
}

// minIdle leaves enough time to extend an entry in Redis.
const minIdle = 100 * time.Millisecond

// maxTouched bounds for how many keys a process knows that it has extended them recently. Other keys are extended more
// often.
const maxTouched = 100_000

// sliding extends the life of entries that are read.
type sliding struct {
	cache  *entry.Cache
	idle   time.Duration
	recent *otter.Cache[store.Key, struct{}] // the keys extended in the last quarter of idle
}

// newSliding returns nil without Sliding.
func newSliding(cache *entry.Cache, s *settings) *sliding {
	if s.idle == 0 {
		return nil
	}
	recent := otter.Must(&otter.Options[store.Key, struct{}]{
		MaximumSize:      maxTouched,
		ExpiryCalculator: otter.ExpiryWriting[store.Key, struct{}](s.idle / 4),
	})
	cache.Lifecycle().OnClose(func() { recent.StopAllGoroutines() })
	return &sliding{cache: cache, idle: s.idle, recent: recent}
}

// touch extends, in the background, an entry that has been read and can live for left at most.
func (s *sliding) touch(key store.Key, left time.Duration) {
	if _, first := s.recent.SetIfAbsent(key, struct{}{}); !first {
		return
	}
	s.cache.Lifecycle().Load(func() {
		ctx, cancel := s.cache.Lifecycle().LoadContext(context.Background(), 0)
		defer cancel()
		if err := s.cache.Touch(ctx, key, min(s.idle, left)); err != nil {
			s.recent.Invalidate(key) // the next read tries again
		}
	})
}
