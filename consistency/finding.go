package consistency

import (
	"time"

	"github.com/jollyjet/aside/store"
)

// Finding is an entry that is wrong. It names no values, but for what [Diff] says.
type Finding struct {
	Cache    string        `json:"cache"`
	Key      string        `json:"key"` // in Redis
	Class    string        `json:"class"`
	Cached   string        `json:"cached"` // "value" or "absence"
	Source   string        `json:"source"`
	Detail   string        `json:"detail,omitempty"` // what Diff says
	Found    time.Time     `json:"found"`
	MinAge   time.Duration `json:"min_age_ns"`     // for how long it had been wrong at least, when it was found
	MaxAge   time.Duration `json:"max_age_ns"`     // and at most: since its load began, or as ChangedAt says
	Hits     int64         `json:"hits,omitempty"` // answers with it that a monitor was to compare
	Repaired bool          `json:"repaired"`

	version store.Version
}

// finding describes an entry that differs.
func (c *comparer[K, V]) finding(s *suspicion[K]) Finding {
	f := Finding{
		Cache: c.cache.Space().Name(), Key: c.cache.EntryKey(s.key).String(), Class: c.classOf(s.key),
		Cached: side(s.entry), Source: side(s.source), Found: time.Now(),
		MinAge: time.Since(s.since), MaxAge: max(s.entry.Age, time.Since(s.since)), version: s.entry.Version,
	}
	if s.source.State != store.Value {
		return f
	}
	source, ok := c.cache.Decode(s.source.Payload)
	if ok && c.changedAt != nil {
		if at := c.changedAt(source); !at.IsZero() {
			exact := min(max(f.MinAge, time.Since(at)), f.MaxAge)
			f.MinAge, f.MaxAge = exact, exact
		}
	}
	if s.entry.State == store.Value && ok && c.diff != nil {
		if cached, ok := c.cache.Decode(s.entry.Payload); ok {
			f.Detail = c.diff(cached, source)
		}
	}
	return f
}

func side(of store.Copy) string {
	if of.State == store.Negative {
		return "absence"
	}
	return "value"
}
