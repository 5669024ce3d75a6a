package evict

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jollyjet/aside/internal/eviction"
	"github.com/jollyjet/aside/internal/slicesx"
	"github.com/jollyjet/aside/store"
)

// targetSet is the targets of a decorated write, sorted by what happens to them. It does not change once it is made.
type targetSet[A, R any] struct {
	st       *store.Store
	targets  []keyTarget[A] // to evict
	expiring []keyTarget[A]
	replaced []replaceTarget[A, R]
	holdFor  time.Duration
	refuse   bool // see RefuseUnheld
}

// newTargetSet panics if the targets do not fit the write or the decorator.
func newTargetSet[A, R any](decorator string, holds bool, targets []Target[A]) *targetSet[A, R] {
	s := &targetSet[A, R]{}
	for i, t := range targets {
		needsHold := true
		switch t := t.(type) {
		case keyTarget[A]:
			needsHold = false
			s.addKeys(decorator, holds, t)
		case replaceTarget[A, R]:
			s.use(decorator, t.st)
			s.replaced = append(s.replaced, t)
		case Holding:
			s.holdFor = max(s.holdFor, t.holdFor)
			s.refuse = s.refuse || t.refuse
		case nil:
			panic(fmt.Sprintf("evict: %s: target %d is nil; leave it out", decorator, i+1))
		default:
			name, fits := t.target()
			panic(fmt.Sprintf("evict: %s: target %d (%s) is for %s, but the write is a %s", decorator, i+1, name, fits, signature[A, R]()))
		}
		if needsHold && !holds {
			name, _ := t.target()
			panic(fmt.Sprintf("evict: %s: target %d (%s) needs %s", decorator, i+1, name, strings.Replace(decorator, "After", "Around", 1)))
		}
	}
	if s.st == nil {
		panic(fmt.Sprintf("evict: %s: name at least one target that evicts", decorator))
	}
	if s.holdFor > 0 && len(s.replaced) > 0 {
		panic(fmt.Sprintf("evict: %s: Replace and HoldFor exclude each other: a key that stays held has no value", decorator))
	}
	return s
}

func (s *targetSet[A, R]) addKeys(decorator string, holds bool, t keyTarget[A]) {
	s.use(decorator, t.st)
	switch {
	case !t.expire:
		s.targets = append(s.targets, t)
	case holds:
		panic(fmt.Sprintf("evict: %s: Expire keeps the old value readable; use it with After or AfterErr", decorator))
	default:
		s.expiring = append(s.expiring, t)
	}
}

func (s *targetSet[A, R]) use(decorator string, st *store.Store) {
	if s.st != nil && s.st != st {
		panic(fmt.Sprintf("evict: %s: the targets belong to two stores; decorate the write once for each", decorator))
	}
	s.st = st
}

// keys returns the keys that a write with this argument evicts.
func (s *targetSet[A, R]) keys(a A) []store.Key { return s.keysOfAll(s.targets, a) }

// expiringKeys returns the keys that a write with this argument expires.
func (s *targetSet[A, R]) expiringKeys(a A) []store.Key { return s.keysOfAll(s.expiring, a) }

// wholeKeys returns keys for everything that any argument could evict or expire.
func (s *targetSet[A, R]) wholeKeys() (keys []store.Key) {
	for _, t := range slices.Concat(s.targets, s.expiring) {
		keys = append(keys, t.all)
	}
	return slicesx.Distinct(keys)
}

func (s *targetSet[A, R]) keysOfAll(targets []keyTarget[A], a A) (keys []store.Key) {
	for _, t := range targets {
		keys = append(keys, s.keysOf(t, a)...)
	}
	return slicesx.Distinct(keys)
}

// keysOf evicts the whole cache if the user's function panics, because no eviction may be missed.
func (s *targetSet[A, R]) keysOf(t keyTarget[A], a A) (keys []store.Key) {
	defer func() {
		if value := recover(); value != nil {
			s.st.Engine().Life.Recovered("evict: function of a target", value)
			keys = []store.Key{t.all}
		}
	}()
	return t.keys(a)
}

// prepare returns the keys to hold during a write, and prepares its replacements.
func (s *targetSet[A, R]) prepare(ctx context.Context, a A) (held []store.Key, replacements []replacement[A, R]) {
	held = s.keys(a)
	for _, t := range s.replaced {
		r := t.prepare(ctx, a)
		held = append(held, r.held...)
		replacements = append(replacements, r)
	}
	return slicesx.Distinct(held), replacements
}

// replace returns the values to store after a write, and the keys to evict because there is no value for them. After a
// write that failed these are all keys.
func (s *targetSet[A, R]) replace(replacements []replacement[A, R], succeeded bool, a A, r R) (stored []eviction.Replacement, evicted []store.Key) {
	for i, prepared := range replacements {
		one, ok := s.replaceOne(s.replaced[i], prepared, a, r)
		if ok && succeeded {
			stored = append(stored, one)
		} else {
			evicted = append(evicted, one.Key)
		}
	}
	return stored, evicted
}

func (s *targetSet[A, R]) replaceOne(t replaceTarget[A, R], prepared replacement[A, R], a A, r R) (one eviction.Replacement, ok bool) {
	defer func() {
		if value := recover(); value != nil {
			s.st.Engine().Life.Recovered("evict: function of Replace", value)
			one, ok = eviction.Replacement{Key: t.all}, false
		}
	}()
	return prepared.finish(a, r)
}
