package consistency

import (
	"time"

	"github.com/jollyjet/aside/internal/entry"
	"github.com/jollyjet/aside/internal/setup"
)

// describer describes wrong entries for reports.
type describer[K comparable, V any] struct {
	cache     Cache[K, V]
	diff      func(V, V) string
	changedAt func(V) time.Time
	classOf   func(K) string
}

func newDescriber[K comparable, V any](what string, c Cache[K, V], s *settings) describer[K, V] {
	d := describer[K, V]{
		cache:     c,
		diff:      setup.Typed[func(V, V) string](options, what, "Diff", s.diff),
		changedAt: setup.Typed[func(V) time.Time](options, what, "ChangedAt", s.changedAt),
		classOf:   setup.Typed[func(K) string](options, what, "ClassOf", s.class),
	}
	if d.classOf == nil {
		d.classOf = func(key K) string { return defaultClass(c.Entries(), c.EntryKey(key)) }
	}
	return d
}

// finding describes a mismatch that is confirmed.
func (d *describer[K, V]) finding(m *mismatch[K]) Finding {
	f := Finding{
		Cache: d.cache.Entries().Name(), Key: d.cache.EntryKey(m.key).String(), Class: d.classOf(m.key),
		Cached: kindOf(m.cached), Source: kindOf(m.source), Found: time.Now(),
		MinAge: time.Since(m.since), MaxAge: max(m.cached.Age, time.Since(m.since)), version: m.cached.Token,
	}
	if m.source.State != entry.Value {
		return f
	}
	source, ok := d.cache.Decode(m.source.Payload)
	if ok && d.changedAt != nil {
		if at := d.changedAt(source); !at.IsZero() {
			exact := min(max(f.MinAge, time.Since(at)), f.MaxAge)
			f.MinAge, f.MaxAge = exact, exact
		}
	}
	if m.cached.State == entry.Value && ok && d.diff != nil {
		if cached, ok := d.cache.Decode(m.cached.Payload); ok {
			f.Detail = d.diff(cached, source)
		}
	}
	return f
}

func kindOf(answer entry.Sample) string {
	if answer.State == entry.Negative {
		return "absence"
	}
	return "value"
}
