package entry

import (
	"errors"
	"time"

	"github.com/jollyjet/aside/internal/envelope"
	"github.com/jollyjet/aside/internal/tagversion"
)

// State is what a read found.
type State uint8

// The states of an entry.
const (
	Absent   State = iota // nothing
	Value                 // a value
	Negative              // the source said that it has nothing
	Stale                 // past its time to live, and kept for when the source fails
	Leased                // a loader is at work
	Bypass                // ask the source and store nothing; see [Reason]
	Invalid               // not, or no longer, an entry of this cache; see [Reason]
)

// Reason says why an entry is [Invalid] or must be bypassed.
type Reason uint8

// The reasons for an invalid entry.
const (
	Evicted Reason = iota + 1 // one of its tags, its cache or the namespace was evicted
	Schema                    // written for another type or with another codec
	Corrupt                   // damaged, not written by aside, or by a version of it with another format
	Clash                     // the entry of another key with the same hash
)

// The reasons to bypass the cache.
const (
	WriterHolds    Reason = iota + Clash + 1 // a writer is at work
	EvictionQueued                           // an eviction of the entry did not reach Redis yet
	DataChanged                              // Redis may have come back with older data during the read
	StoreClosed                              // the store is closed
)

// Entry is what a read found. Its payload must not be changed.
type Entry struct {
	State  State
	Reason Reason

	raw    []byte // what stands under the key, or under that of the variant
	anchor []byte // the identity of the entry of another schema under the key, if there is one; see variant.go
	record envelope.Entry
	age    time.Duration
	left   time.Duration // how long a lease or cooldown that was found has left

	until   time.Duration        // until when the versions that were not asked for may be used, as uptime; 0 if tracking vouches
	tags    tagversion.EntryTags // that the value has
	buckets []tagversion.State   // of tags, before a load
}

func bypass(why Reason) Entry { return Entry{State: Bypass, Reason: why} }

// Payload is the encoded value.
func (e *Entry) Payload() []byte { return e.record.Payload }

// Absence reports whether a stale entry is one of an absence, so that it has no payload.
func (e *Entry) Absence() bool { return e.record.Kind == envelope.Negative }

// TTL is how long the value counts as fresh, from the moment from which its age counts.
func (e *Entry) TTL() time.Duration { return e.record.TTL }

// StaleFor is for how long the value has not been fresh any more, by its time to live or because it was expired.
func (e *Entry) StaleFor() time.Duration { return max(0, e.age-e.record.FreshFor()) }

// Cost is how long the load of the value took.
func (e *Entry) Cost() time.Duration { return e.record.Cost }

// Age is how long ago the load began that brought the value.
func (e *Entry) Age() time.Duration { return e.age }

// LeaseLeft is how long the lease of another loader still lasts, as far as it is known; 0 is unknown.
func (e *Entry) LeaseLeft() time.Duration { return e.left }

// Cooldown is for how long nobody is to try the refresh that was asked for, because the last one failed.
func (e *Entry) Cooldown() time.Duration {
	if e.State == Leased {
		return 0
	}
	return e.left
}

// Discredit turns a value that can't be decoded into an invalid entry, which the next load may replace.
func (e *Entry) Discredit() { e.State, e.Reason = Invalid, Corrupt }

// readable reports whether it is a current entry.
func (e *Entry) readable() bool { return e.State == Value || e.State == Negative || e.State == Stale }

// evaluate decides what raw is, for an entry that should depend on the versions that s has found.
func (c *Cache) evaluate(ref *Ref, raw []byte, present bool, s *tagversion.Snapshot) Entry {
	e := Entry{raw: raw, until: s.Until()}
	c.bytesRead.Add(int64(len(raw)))
	switch kind := envelope.KindOf(raw); {
	case s.Held() || kind == envelope.Hold:
		e.State, e.Reason = Bypass, WriterHolds
	case !present:
		e.State = Absent
	case kind == envelope.Lease:
		e.State = Leased
	default:
		c.evaluateRecord(&e, ref, raw, s)
	}
	return e
}

func (c *Cache) evaluateRecord(e *Entry, ref *Ref, raw []byte, s *tagversion.Snapshot) {
	record, err := envelope.Parse(raw)
	e.State = Invalid
	switch {
	case errors.Is(err, envelope.ErrVersion), err == nil && record.Schema != c.schema && s.MatchShared(record.Versions):
		e.Reason, e.anchor, e.raw = Schema, envelope.Identity(raw), nil // what stands beside it is read next
		c.schemas.met()
	case err != nil:
		e.Reason = Corrupt
	case string(record.Key) != ref.Full():
		e.Reason = Clash
	case !s.Match(record.Versions, len(record.Tags)):
		e.Reason = Evicted
	default:
		e.record, e.age = record, c.cfg.Wire.Clock.Age(record.Created)
		e.State = c.stateOf(e)
		if len(record.Tags) > 0 {
			c.evaluateTags(e, ref, s.Named(record.Versions))
		}
	}
}

// evaluateTags looks at the tags that the entry names, as far as this process knows them.
func (c *Cache) evaluateTags(e *Entry, ref *Ref, numbers []byte) {
	var verdict tagversion.Verdict
	e.tags, verdict = c.cfg.Versions.EntryTags(e.record.Tags, numbers, ref.Strict, c.cfg.Outbox.Has)
	e.until = tagversion.Sooner(e.until, e.tags.Until)
	if verdict == tagversion.Held { // all that it says of a tag that it did not ask for
		e.State, e.Reason = Bypass, EvictionQueued
	}
}

// apply takes what the tags of an entry say of it.
func (e *Entry) apply(v tagversion.Verdict) {
	switch {
	case !e.readable():
	case v == tagversion.Held:
		e.State, e.Reason = Bypass, WriterHolds
	case v == tagversion.Evicted:
		e.State, e.Reason = Invalid, Evicted
	}
}

// stateOf tells what a current entry is. Redis ends the life of an entry; its age is looked at because a value may be
// kept for longer than it is fresh.
func (c *Cache) stateOf(e *Entry) State {
	old := e.record.TTL == 0 || e.age > e.record.TTL && c.cfg.Wire.Clock.Known()
	switch {
	case old:
		return Stale
	case e.record.Kind == envelope.Negative:
		return Negative
	default:
		return Value
	}
}
