package store

import (
	"errors"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/jollyjet/aside/internal/envelope"
)

// State is what a read found.
type State uint8

// The states of an entry.
const (
	Absent   State = iota // nothing
	Value                 // a value
	Negative              // the source said that there is nothing
	Stale                 // past its time to live, and kept for when the source fails
	Leased                // a loader is at work
	Held                  // a writer is at work, or an eviction is queued: ask the source and store nothing
	Invalid               // something that is not, or no longer, an entry of this cache
)

// Reason says why an entry is [Invalid].
type Reason uint8

// The reasons for an invalid entry.
const (
	Evicted Reason = iota + 1 // one of its tags, its cache or the namespace was evicted
	Schema                    // written for another type or with another codec
	Corrupt                   // damaged, not written by aside, or by a version of it with another format
	Clash                     // the entry of another key with the same hash
)

// View is what a read found. Its payload must not be changed.
type View struct {
	State  State
	Reason Reason

	raw   []byte
	entry envelope.Entry
	age   time.Duration
	left  time.Duration // how long a lease or cooldown that was found has left

	until  time.Duration // the end of what this rests on and was not asked for, since the process began; 0 if the feed vouches
	tags   []stripe      // of the tags that the value has
	open   []openTag     // those of them that are to be asked for
	groups []markerState // of tags, before a load
}

// Payload is the encoded value.
func (v *View) Payload() []byte { return v.entry.Payload }

// Absence reports whether a stale entry is one of an absence, so that it has no payload.
func (v *View) Absence() bool { return v.entry.Kind == envelope.Negative }

// TTL is how long the value counts as fresh, from the moment from which its age counts.
func (v *View) TTL() time.Duration { return v.entry.TTL }

// Cost is how long the load of the value took.
func (v *View) Cost() time.Duration { return v.entry.Cost }

// Age is how long ago the load began whose value this is.
func (v *View) Age() time.Duration { return v.age }

// Cooldown is for how long nobody is to try the refresh that was asked for, because the last one failed.
func (v *View) Cooldown() time.Duration {
	if v.State == Leased {
		return 0
	}
	return v.left
}

// Discredit turns a value that can't be decoded into an invalid entry, which the next load may replace.
func (v *View) Discredit() { v.State, v.Reason = Invalid, Corrupt }

// judge decides what raw is, for an entry that should be of the generations that l has found.
func (p *Space) judge(ref *Ref, raw []byte, present bool, l *look) View {
	v := View{raw: raw, until: l.until}
	p.counts.read.Add(int64(len(raw)))
	switch kind := envelope.KindOf(raw); {
	case l.held() || kind == envelope.Hold:
		v.State = Held
	case !present:
		v.State = Absent
	case kind == envelope.Lease:
		v.State = Leased
	default:
		p.judgeEntry(&v, ref, l)
	}
	return v
}

func (p *Space) judgeEntry(v *View, ref *Ref, l *look) {
	e, err := envelope.Parse(v.raw)
	v.State = Invalid
	switch {
	case err != nil:
		v.Reason = Corrupt
	case e.Schema != p.schema:
		v.Reason = Schema
	case string(e.Key) != ref.full:
		v.Reason = Clash
	case !l.match(e.Gens, len(e.Tags)):
		v.Reason = Evicted
	default:
		v.entry, v.age = e, p.st.clock.age(e.Created)
		v.State = p.stateOf(v)
		v.judgeTags(p.st, e.Gens[len(l.states)*envelope.GenLen:])
	}
}

// stateOf tells what a current entry is. Redis ends the life of an entry; its age is looked at because a value may be
// kept for longer than it is fresh.
func (p *Space) stateOf(v *View) State {
	old := v.entry.TTL == 0 || v.age > v.entry.TTL && p.st.clock.known.Load()
	switch {
	case old:
		return Stale
	case v.entry.Kind == envelope.Negative:
		return Negative
	default:
		return Value
	}
}

// absent reports whether an error of GET means that there is no entry to speak of: no key, or not a string.
func absent(err error) bool {
	return errors.Is(err, redis.Nil) || strings.HasPrefix(err.Error(), "WRONGTYPE")
}
