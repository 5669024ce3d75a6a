package entry

import (
	"slices"
	"time"

	"github.com/jollyjet/aside/internal/tagversion"
	"github.com/jollyjet/aside/internal/tracking"
	"github.com/jollyjet/aside/internal/wire"
)

// Validity is the state of all that an entry depends on, taken before the entry is read. As long as it is valid
// the entry has not changed, as far as this process was told: of its own evictions at once, of others by tracking. While
// tracking is down it is valid for Config.Trust.
type Validity struct {
	trackingEpoch uint64        // of tracking
	until         time.Duration // as uptime; 0 if tracking vouches
	entry         tagversion.Count
	tags          []tagversion.Count
	namespace     uint64
	cache         uint64
	variant       bool // tags has that of the variant
}

// Validity takes the validity of an entry that is about to be read. It reports false if nothing can be kept in process now.
func (c *Cache) Validity(ref *Ref) (Validity, bool) {
	if c.blocked(ref) != 0 {
		return Validity{}, false
	}
	versions, changes := c.cfg.Versions, c.cfg.Versions.Changes()
	v := Validity{
		namespace: versions.Everything().Changes(), cache: c.scope.Cache.Changes(), entry: changes.Read(ref.Addr()),
	}
	trackingEpoch, up := c.cfg.Tracker.Status()
	v.trackingEpoch = trackingEpoch
	if !up {
		v.until = wire.Uptime() + c.cfg.Trust
	} else if !c.cfg.Tracker.Covers(ref.Addr()) {
		return Validity{}, false
	}
	for _, tag := range ref.tags {
		v.tags = append(v.tags, changes.Read(tag))
	}
	if v.variant = c.schemas.lately(); v.variant {
		v.tags = append(v.tags, changes.Read(c.variantOf(ref)))
	}
	return v, true
}

// Of narrows the validity by what the read itself relied on: the value's tags, and the earliest end of a version that was
// used without asking Redis. A variant that was not expected is not valid at all.
func (v Validity) Of(e *Entry) Validity {
	if e.anchor != nil && !v.variant {
		return Validity{until: 1}
	}
	v.until = tagversion.Sooner(v.until, e.until)
	if len(e.tags.Changes) > 0 {
		v.tags = append(slices.Clip(v.tags), e.tags.Changes...)
	}
	return v
}

// StillValid reports whether nothing that the entry depends on has changed. It costs a few atomic loads.
func (c *Cache) StillValid(v *Validity) bool {
	versions, changes := c.cfg.Versions, c.cfg.Versions.Changes()
	trackingEpoch, _ := c.cfg.Tracker.Status()
	if v.trackingEpoch != trackingEpoch || v.namespace != versions.Everything().Changes() || v.cache != c.scope.Cache.Changes() ||
		!changes.Same(v.entry) {
		return false
	}
	for _, tag := range v.tags {
		if !changes.Same(tag) {
			return false
		}
	}
	return v.until == 0 || wire.Uptime() < v.until
}

// Watch begins to look out for changes of the entry that was found, which a caller does before the last read of it. It must
// be stopped.
func (c *Cache) Watch(ref *Ref, found *Entry) *tracking.Watch {
	return c.cfg.Tracker.Watch(c.keyOf(ref, found))
}
