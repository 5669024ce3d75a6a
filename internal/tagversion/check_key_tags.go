package tagversion

import (
	"context"
	"time"

	"github.com/jollyjet/aside/internal/envelope"
	"github.com/jollyjet/aside/internal/keyspace"
	"github.com/jollyjet/aside/internal/lua"
	"github.com/jollyjet/aside/internal/redisx"
	"github.com/jollyjet/aside/internal/wire"
)

// Scope is what all entries of a cache have in common.
type Scope struct {
	Cache      *Version
	Keep       time.Duration // for how long the versions of the namespace, the cache and the buckets are wanted
	KeepTags   time.Duration // for how long those of tags are: twice the life of the entries, before more is known of them
	FromValues bool          // values have tags that their keys do not tell
}

// leastKept is for how long the version of a tag is kept at least: it has to outlive the load that begins it.
const leastKept = 10 * time.Second

// KeepFor is for how long the version of a tag is kept for an entry that lives for so long. A lost version is only a miss.
func KeepFor(life time.Duration) time.Duration { return max(2*life, leastKept) }

// Snapshot is the state of the versions that an entry depends on by its key, in a fixed order: that of the namespace, of
// the cache, and of the tags. Those that are not believed are asked for.
type Snapshot struct {
	versions *Versions
	scope    *Scope
	states   []State
	buckets  []State // before a load whose value may have tags
	asks     []ask
	wanted   *wanted       // of those that are asked for; nil if they are only read
	until    time.Duration // until when the believed ones may be used, as uptime; 0 if tracking vouches for them

	roomForStates [4]State // the usual number
	roomForAsks   [4]ask
}

// ask is a question for one version.
type ask struct {
	place  int // in states, or in buckets
	bucket bool
	key    string
	learn  func(State) // nil for a tag
	of     *Version    // nil for a tag
	call   *wire.Call
}

// shared is the number of versions that every entry depends on.
const shared = 2

// NumbersLen is the length of the version numbers of an entry with so many tags that follow from its key.
func NumbersLen(tags int) int { return (shared + tags) * envelope.VersionLen }

// Ask says what a snapshot asks Redis for, other than the versions that this process does not know.
type Ask struct {
	BeforeLoad bool // versions that do not exist, to begin them, and those that Redis may not keep for long enough
	Strict     bool // all
}

// Snapshot prepares a snapshot for an entry whose tags have the given Redis keys.
func (v *Versions) Snapshot(scope *Scope, tags []string, what Ask) *Snapshot {
	s := &Snapshot{versions: v, scope: scope}
	s.states, s.asks = s.roomForStates[:0], s.roomForAsks[:0]
	for _, one := range [shared]*Version{v.everything, scope.Cache} {
		state, until, ok := one.believed(&v.cfg)
		if !ok || what.Strict || what.BeforeLoad && (state.None() || !one.isKept(scope.Keep)) {
			s.asks = append(s.asks, ask{place: len(s.states), key: one.key.Addr(), learn: one.reading(&v.cfg), of: one})
		} else {
			s.until = Sooner(s.until, until)
		}
		s.states = append(s.states, state)
	}
	for _, tag := range tags {
		s.asks = append(s.asks, ask{place: len(s.states), key: tag})
		s.states = append(s.states, State{})
	}
	if what.BeforeLoad && scope.FromValues {
		s.askForBuckets()
	}
	return s
}

// askForBuckets reads all buckets. What is known of one will do even if it is old: the bucket will seem to have changed.
func (s *Snapshot) askForBuckets() {
	s.buckets = make([]State, keyspace.TagBuckets)
	for i, one := range s.versions.buckets {
		state, _, ok := one.believed(&s.versions.cfg)
		if s.buckets[i] = state; !ok || state.None() || !one.isKept(s.scope.Keep) {
			s.asks = append(s.asks, ask{place: i, bucket: true, key: one.key.Addr(), learn: one.reading(&s.versions.cfg), of: one})
		}
	}
}

// Asks reports whether there is anything to ask Redis for.
func (s *Snapshot) Asks() bool { return len(s.asks) > 0 }

// Until is until when the versions that were not asked for may be used, as uptime; 0 if tracking vouches for them.
func (s *Snapshot) Until() time.Duration { return s.until }

// Reads returns calls that read the versions that are asked for.
func (s *Snapshot) Reads() []*wire.Call {
	return s.calls(func(a *ask) *wire.Call { return redisx.Get(a.key) })
}

// Begins returns calls that read the versions that are asked for, begin those that do not exist, and keep all alive.
func (s *Snapshot) Begins() []*wire.Call {
	s.wanted = &wanted{ttl: s.scope.Keep, at: time.Now()}
	return s.calls(func(a *ask) *wire.Call {
		if a.of == nil {
			return begin(a.key, s.scope.KeepTags)
		}
		return begin(a.key, s.scope.Keep)
	})
}

// begin returns a call that reads a version, begins one where there is none, and keeps it for at least three quarters of keep.
func begin(addr string, keep time.Duration) *wire.Call {
	fresh := envelope.NewTagVersion(envelope.NewVersion())
	return &wire.Call{Script: lua.Version, Key: addr, Args: []any{fresh, keep.Milliseconds(), envelope.HoldPrefix()}}
}

func (s *Snapshot) calls(of func(a *ask) *wire.Call) []*wire.Call {
	calls := make([]*wire.Call, len(s.asks), len(s.asks)+1)
	for i := range s.asks {
		calls[i] = of(&s.asks[i])
		s.asks[i].call = calls[i]
	}
	return calls
}

// Extends returns calls that keep the versions for an entry that is about to be stored, where it lives for longer than was
// known when its load began at a moment on Redis's clock, or the load has taken long. tags are the Redis keys of those that
// follow from its key.
func (v *Versions) Extends(scope *Scope, tags []string, life time.Duration, began int64) (calls []*wire.Call) {
	if 2*life > scope.Keep {
		calls = append(calls, begin(v.everything.key.Addr(), 2*life), begin(scope.Cache.key.Addr(), 2*life))
	}
	if keep := KeepFor(life); keep > scope.KeepTags || v.cfg.Wire.Clock.Age(began) > scope.KeepTags/4 {
		for _, tag := range tags {
			calls = append(calls, begin(tag, keep))
		}
	}
	return calls
}

// Err is the first error of the calls.
func (s *Snapshot) Err() error {
	for i := range s.asks {
		if err := s.asks[i].call.Err(); err != nil {
			return wire.Unavailable(err)
		}
	}
	return nil
}

// Answered takes the replies of the calls, which were carried out without an error.
func (s *Snapshot) Answered() {
	for i := range s.asks {
		s.answer(i, stateOf(s.asks[i].call))
		if one := s.asks[i].of; one != nil && s.wanted != nil {
			one.wanted.Store(s.wanted)
		}
	}
}

func (s *Snapshot) answer(i int, state State) {
	if s.asks[i].bucket {
		s.buckets[s.asks[i].place] = state
	} else {
		s.states[s.asks[i].place] = state
	}
	if learn := s.asks[i].learn; learn != nil {
		learn(state)
	}
}

// ReadWith asks, and reads the entry under a Redis key in the same round trip.
func (s *Snapshot) ReadWith(ctx context.Context, entry string) (raw []byte, present bool, err error) {
	w := s.versions.cfg.Wire
	if w.Single() {
		return s.readByOneCommand(ctx, entry)
	}
	read := redisx.Get(entry)
	if err := w.Run(ctx, append(s.Reads(), read)...); err != nil {
		return nil, false, err
	}
	s.Answered()
	text, err := read.Reply.Text()
	return []byte(text), err == nil, nil
}

func (s *Snapshot) readByOneCommand(ctx context.Context, entry string) (raw []byte, present bool, err error) {
	keys := make([]string, 0, len(s.roomForAsks)+1)
	for i := range s.asks {
		keys = append(keys, s.asks[i].key)
	}
	replies, err := s.versions.cfg.Wire.MGet(ctx, append(keys, entry))
	if err != nil {
		return nil, false, wire.Unavailable(err)
	}
	for i := range s.asks {
		s.answer(i, parse(wire.Text(replies[i])))
	}
	read, present := replies[len(s.asks)].(string)
	return []byte(read), present, nil
}

// Held reports whether a writer holds one of the versions.
func (s *Snapshot) Held() bool {
	for _, state := range s.states {
		if state.Held {
			return true
		}
	}
	return false
}

// Match reports whether an entry with these version numbers is current, but for the last ones, which are those of the
// tags that it names.
func (s *Snapshot) Match(numbers []byte, named int) bool {
	if len(numbers) != NumbersLen(len(s.states)-shared+named) {
		return false
	}
	return s.matchFirst(len(s.states), numbers)
}

// MatchShared reports whether the first of these version numbers, those of the namespace and of the cache, are current. They
// come first in entries of every schema.
func (s *Snapshot) MatchShared(numbers []byte) bool {
	return len(numbers) >= NumbersLen(0) && s.matchFirst(shared, numbers)
}

func (s *Snapshot) matchFirst(n int, numbers []byte) bool {
	for i, state := range s.states[:n] {
		if state.None() || envelope.Version(numbers[i*envelope.VersionLen:]) != state.Number {
			return false
		}
	}
	return true
}

// Named returns the version numbers of the tags that an entry names, which come after the others.
func (s *Snapshot) Named(numbers []byte) []byte { return numbers[len(s.states)*envelope.VersionLen:] }

// Numbers returns the version numbers as an entry holds them.
func (s *Snapshot) Numbers() []byte {
	numbers := make([]byte, 0, len(s.states)*envelope.VersionLen)
	for _, state := range s.states {
		numbers = append(numbers, state.Number[:]...)
	}
	return numbers
}

// Before returns the snapshot as what was known before a load that begins at a moment on Redis's clock.
func (s *Snapshot) Before(created int64) Before {
	return Before{Numbers: s.Numbers(), Buckets: s.buckets, Created: created}
}
