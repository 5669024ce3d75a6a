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
	left  time.Duration // how long a lease that was found has left
}

// Payload is the encoded value.
func (v *View) Payload() []byte { return v.entry.Payload }

// Age is how long ago the load began whose value this is.
func (v *View) Age() time.Duration { return v.age }

// Discredit turns a value that can't be decoded into an invalid entry, which the next load may replace.
func (v *View) Discredit() { v.State, v.Reason = Invalid, Corrupt }

// judge decides what raw is, for an entry that should be of the generations that l has found.
func (p *Space) judge(ref *Ref, raw []byte, present bool, l *look) View {
	v := View{raw: raw}
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
	case !l.match(e.Gens):
		v.Reason = Evicted
	default:
		v.State = Value
		if e.Kind == envelope.Negative {
			v.State = Negative
		}
		v.entry, v.age = e, p.st.clock.age(e.Created)
	}
}

// absent reports whether an error of GET means that there is no entry to speak of: no key, or not a string.
func absent(err error) bool {
	return errors.Is(err, redis.Nil) || strings.HasPrefix(err.Error(), "WRONGTYPE")
}
