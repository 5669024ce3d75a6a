package store

import (
	"context"
	"sync"

	"github.com/jollyjet/aside/internal/envelope"
	"github.com/jollyjet/aside/internal/redisx"
)

// TagsFromValues is for a cache whose values have tags that their keys do not tell: [Result.Tags].
func (p *Space) TagsFromValues() { p.valueTags = true }

// maxKnownTags bounds for how many tags a process remembers the generation, so that reads need not ask for it.
const maxKnownTags = 1 << 16

// knownTags are generations of tags that values have. When there are too many all are forgotten, which costs a round
// trip each.
type knownTags struct {
	mu    sync.RWMutex
	byKey map[string]*generation
}

func (k *knownTags) get(addr string) *generation {
	k.mu.RLock()
	defer k.mu.RUnlock()
	return k.byKey[addr]
}

func (k *knownTags) of(key Key) *generation {
	if g := k.get(key.addr); g != nil {
		return g
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.byKey) >= maxKnownTags || k.byKey == nil {
		k.byKey = make(map[string]*generation)
	}
	if k.byKey[key.addr] == nil {
		k.byKey[key.addr] = &generation{key: key}
	}
	return k.byKey[key.addr]
}

// openTag is a tag of a value that nothing vouches for.
type openTag struct {
	generation *generation
	want       envelope.Gen
}

// judgeTags looks at the tags that an otherwise current entry names, as far as this process knows them.
func (v *View) judgeTags(s *Store, gens []byte) {
	for i, name := range v.entry.Tags {
		key, want := s.Tag(name), envelope.Gen(gens[i*envelope.GenLen:])
		v.tags = append(v.tags, s.stripes.read(key.addr)) // before anything that is known of the tag
		if !s.evictions.empty() && s.evictions.has(key.addr) {
			v.open, v.State = nil, Held
			return
		}
		g := s.tags.of(key)
		if state, until, ok := g.vouched(s); !ok || state.held || state.gen != want { // what seems evicted may be newer than what is known
			v.open = append(v.open, openTag{g, want})
		} else {
			v.until = sooner(v.until, until)
		}
	}
}

func (v *View) judgeTag(state markerState, want envelope.Gen) {
	switch {
	case state.held:
		v.State = Held
	case state.gen != want:
		v.State, v.Reason = Invalid, Evicted
	}
}

// complete asks for the tags that are open, all in one round trip. It returns an error for each view.
func (s *Store) complete(ctx context.Context, views ...*View) []error {
	errs := make([]error, len(views))
	var reads []*call
	var learn []func(markerState)
	for _, v := range views {
		for _, tag := range v.open {
			reads = append(reads, redisx.Get(tag.generation.key.addr))
			learn = append(learn, tag.generation.reading(s))
		}
	}
	if len(reads) == 0 {
		return errs
	}
	s.gather(ctx, reads)
	for i, v := range views {
		open := v.open
		v.open = nil
		for n, tag := range open {
			if err := reads[n].Err(); err != nil {
				errs[i] = unavailable(err)
				continue
			}
			state := markerOf(reads[n])
			learn[n](state)
			if v.readable() {
				v.judgeTag(state, tag.want)
			}
		}
		reads, learn = reads[len(open):], learn[len(open):]
	}
	return errs
}

// readable reports whether the view is of a current entry.
func (v *View) readable() bool { return v.State == Value || v.State == Negative || v.State == Stale }
