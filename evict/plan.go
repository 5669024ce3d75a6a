package evict

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jollyjet/aside/internal/eviction"
	"github.com/jollyjet/aside/store"
)

// plan is what a decorated write does besides writing.
type plan[A, R any] struct {
	st       *store.Store
	victims  []victims[A]
	softs    []victims[A] // to be expired, not evicted
	replaces []replace[A, R]
	stay     time.Duration
	refuse   bool
}

// newPlan sorts the targets. It panics if they do not fit the write, or the decorator.
func newPlan[A, R any](decorator string, holds bool, targets []Target[A]) *plan[A, R] {
	p := &plan[A, R]{}
	for i, t := range targets {
		needsHold := true
		switch t := t.(type) {
		case victims[A]:
			needsHold = false
			p.use(decorator, t.st)
			if !t.soft {
				p.victims = append(p.victims, t)
				break
			}
			if holds {
				panic(fmt.Sprintf("evict: %s: Expire keeps the old value readable; use it with After or AfterErr", decorator))
			}
			p.softs = append(p.softs, t)
		case replace[A, R]:
			p.use(decorator, t.st)
			p.replaces = append(p.replaces, t)
		case Holding:
			p.stay = max(p.stay, t.stay)
			p.refuse = p.refuse || t.refuse
		case nil:
			panic(fmt.Sprintf("evict: %s: target %d is nil; leave it out", decorator, i+1))
		default:
			name, fits := t.target()
			panic(fmt.Sprintf("evict: %s: target %d (%s) is for %s, but the write is a %s", decorator, i+1, name, fits, shape[A, R]()))
		}
		if needsHold && !holds {
			name, _ := t.target()
			panic(fmt.Sprintf("evict: %s: target %d (%s) needs %s", decorator, i+1, name, strings.Replace(decorator, "After", "Around", 1)))
		}
	}
	if p.st == nil {
		panic(fmt.Sprintf("evict: %s: name at least one target that evicts", decorator))
	}
	if p.stay > 0 && len(p.replaces) > 0 {
		panic(fmt.Sprintf("evict: %s: Replace and HoldFor exclude each other: a key that is held on has no value", decorator))
	}
	return p
}

func (p *plan[A, R]) use(decorator string, st *store.Store) {
	if p.st != nil && p.st != st {
		panic(fmt.Sprintf("evict: %s: the targets belong to two stores; decorate the write once for each", decorator))
	}
	p.st = st
}

// keys returns what a write with this argument evicts. A function that panics costs the whole cache, not an eviction.
func (p *plan[A, R]) keys(a A) []store.Key { return p.keysOfAll(p.victims, a) }

func (p *plan[A, R]) keysOfAll(victims []victims[A], a A) (keys []store.Key) {
	for _, v := range victims {
		keys = append(keys, p.keysOf(v, a)...)
	}
	return distinct(keys)
}

func (p *plan[A, R]) keysOf(v victims[A], a A) (keys []store.Key) {
	defer func() {
		if value := recover(); value != nil {
			p.st.Engine().Life.Recovered("evict: function of a target", value)
			keys = []store.Key{v.all}
		}
	}()
	return v.keys(a)
}

// begin finds out what is to be held, and prepares the replacements.
func (p *plan[A, R]) begin(ctx context.Context, a A) (held []store.Key, begun []replacing[A, R]) {
	held = p.keys(a)
	for _, r := range p.replaces {
		b := r.begin(ctx, a)
		held = append(held, b.held...)
		begun = append(begun, b)
	}
	return distinct(held), begun
}

// finish returns the replacements, and the keys of those that are not to be stored; after a write that failed none is.
func (p *plan[A, R]) finish(begun []replacing[A, R], succeeded bool, a A, r R) (stored []eviction.Replacement, evicted []store.Key) {
	for i, b := range begun {
		one, ok := p.finishOne(p.replaces[i], b, a, r)
		if ok && succeeded {
			stored = append(stored, one)
		} else {
			evicted = append(evicted, one.Key)
		}
	}
	return stored, evicted
}

func (p *plan[A, R]) finishOne(of replace[A, R], b replacing[A, R], a A, r R) (one eviction.Replacement, ok bool) {
	defer func() {
		if value := recover(); value != nil {
			p.st.Engine().Life.Recovered("evict: function of Replace", value)
			one, ok = eviction.Replacement{Key: of.all}, false
		}
	}()
	return b.finish(a, r)
}

// distinct returns the keys, each once, in their order.
func distinct(keys []store.Key) []store.Key {
	seen := make(map[store.Key]bool, len(keys))
	return slices.DeleteFunc(keys, func(k store.Key) bool {
		again := seen[k]
		seen[k] = true
		return again
	})
}
