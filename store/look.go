package store

import (
	"context"
	"time"

	"github.com/jollyjet/aside/internal/envelope"
	"github.com/jollyjet/aside/internal/redisx"
)

// look is a look at the generations that an entry depends on, in a fixed order: of the namespace, of the cache, and of
// its tags. Those that nothing vouches for are asked for.
type look struct {
	space   *Space
	states  []markerState
	groups  []markerState // of tags, before a load whose value may have some
	asks    []ask
	keeping *keeping      // of those that are asked for; nil if they are only read
	until   time.Duration // the end of what was not asked for; 0 if the feed vouches for it

	roomForStates [4]markerState // the usual number
	roomForAsks   [4]ask
}

// ask is a question for one generation.
type ask struct {
	place  int // in states, or in groups
	group  bool
	key    string
	learn  func(markerState) // nil for a tag
	shared *generation       // nil for a tag
	call   *call
}

// look prepares a look at the generations of ref. One before a load asks also for those that are known to be none,
// because it is going to start them, and for those that Redis may not keep for long enough.
func (p *Space) look(ref *Ref, beforeLoad bool) *look {
	l := &look{space: p}
	l.states, l.asks = l.roomForStates[:0], l.roomForAsks[:0]
	for _, g := range p.shared() {
		state, until, ok := g.vouched(p.st)
		if !ok || beforeLoad && (state.none() || !g.isKept(p.keep)) {
			l.asks = append(l.asks, ask{place: len(l.states), key: g.key.addr, learn: g.reading(p.st), shared: g})
		} else {
			l.until = sooner(l.until, until)
		}
		l.states = append(l.states, state)
	}
	for _, tag := range ref.tags {
		l.asks = append(l.asks, ask{place: len(l.states), key: tag})
		l.states = append(l.states, markerState{})
	}
	if beforeLoad && p.valueTags {
		l.lookAtGroups()
	}
	return l
}

// lookAtGroups takes note of the groups of tags. What is known of them will do even if it is old: they will seem to have
// changed.
func (l *look) lookAtGroups() {
	l.groups = make([]markerState, tagGroups)
	for i, g := range l.space.st.groups {
		state, _, ok := g.vouched(l.space.st)
		if l.groups[i] = state; !ok || state.none() || !g.isKept(l.space.keep) {
			l.asks = append(l.asks, ask{place: i, group: true, key: g.key.addr, learn: g.reading(l.space.st), shared: g})
		}
	}
}

// reads returns calls that read what is asked for.
func (l *look) reads() []*call {
	return l.calls(redisx.Get)
}

// starts returns calls that read what is asked for, start a generation where there is none, and keep it alive.
func (l *look) starts() []*call {
	l.keeping = &keeping{keep: l.space.keep, at: time.Now()}
	return l.calls(l.space.start)
}

func (l *look) calls(of func(key string) *call) []*call {
	calls := make([]*call, len(l.asks), len(l.asks)+1)
	for i := range l.asks {
		calls[i] = of(l.asks[i].key)
		l.asks[i].call = calls[i]
	}
	return calls
}

// answered takes the replies of the calls, which were carried out without an error.
func (l *look) answered() {
	for i := range l.asks {
		raw, _ := l.asks[i].call.Reply.Text()
		l.answer(i, raw)
		if g := l.asks[i].shared; g != nil && l.keeping != nil {
			g.kept.Store(l.keeping)
		}
	}
}

func (l *look) answer(i int, raw string) {
	state := parseMarker(raw)
	if l.asks[i].group {
		l.groups[l.asks[i].place] = state
	} else {
		l.states[l.asks[i].place] = state
	}
	if learn := l.asks[i].learn; learn != nil {
		learn(state)
	}
}

// with asks, and reads an entry in the same round trip.
func (l *look) with(ctx context.Context, entry string) (raw []byte, present bool, err error) {
	st := l.space.st
	if _, ok := st.rdb.Single(); ok {
		return l.withOnNode(ctx, entry)
	}
	read := redisx.Get(entry)
	if err := st.run(ctx, append(l.reads(), read)...); err != nil {
		return nil, false, err
	}
	l.answered()
	text, err := read.Reply.Text()
	return []byte(text), err == nil, nil
}

// withOnNode is with for one node, where a single command does it.
func (l *look) withOnNode(ctx context.Context, entry string) (raw []byte, present bool, err error) {
	keys := make([]string, 0, len(l.roomForAsks)+1)
	for i := range l.asks {
		keys = append(keys, l.asks[i].key)
	}
	replies, err := l.space.st.mget(ctx, append(keys, entry))
	if err != nil {
		return nil, false, unavailable(err)
	}
	for i := range l.asks {
		l.answer(i, text(replies[i]))
	}
	read, present := replies[len(l.asks)].(string)
	return []byte(read), present, nil
}

// held reports whether a writer holds one of them.
func (l *look) held() bool {
	for _, state := range l.states {
		if state.held {
			return true
		}
	}
	return false
}

// match reports whether an entry with these generations is current, but for the last ones, which are of tags that it
// names.
func (l *look) match(gens []byte, named int) bool {
	if len(gens) != (len(l.states)+named)*envelope.GenLen {
		return false
	}
	for i, state := range l.states {
		if state.none() || envelope.Gen(gens[i*envelope.GenLen:]) != state.gen {
			return false
		}
	}
	return true
}

// origin is what is known before a load that begins at the given time.
func (l *look) origin(created int64) origin {
	return origin{gens: l.gens(), groups: l.groups, created: created}
}

// gens returns the generations as an entry holds them.
func (l *look) gens() []byte {
	gens := make([]byte, 0, len(l.states)*envelope.GenLen)
	for _, state := range l.states {
		gens = append(gens, state.gen[:]...)
	}
	return gens
}

// gensOf is the length of the generations of all that an entry depends on by its key.
func (p *Space) gensOf(ref *Ref) int { return (len(p.shared()) + len(ref.tags)) * envelope.GenLen }
