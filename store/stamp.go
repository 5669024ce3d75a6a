package store

import (
	"hash/maphash"
	"slices"
	"sync/atomic"
	"time"
)

// stripes count the changes that the feed tells, by a hash of the key. Two keys that share a stripe invalidate each
// other, which costs a round trip and nothing else; in return nothing has to be kept for each key.
type stripes struct {
	seed   maphash.Seed
	counts []atomic.Uint32
}

const numStripes = 1 << 18 // 1 MB

func newStripes() *stripes {
	return &stripes{seed: maphash.MakeSeed(), counts: make([]atomic.Uint32, numStripes)}
}

func (s *stripes) of(key string) uint32 {
	return uint32(maphash.String(s.seed, key)) % numStripes //nolint:gosec // any part of the hash will do
}

func (s *stripes) changed(key string) { s.counts[s.of(key)].Add(1) }

// stripe is the state of one key's stripe at some moment.
type stripe struct{ at, count uint32 }

func (s *stripes) read(key string) stripe {
	at := s.of(key)
	return stripe{at, s.counts[at].Load()}
}

func (s *stripes) same(r stripe) bool { return s.counts[r.at].Load() == r.count }

// Stamp is the state of all that an entry depends on, taken before the entry is read. As long as the stamp is valid
// the entry has not changed, as far as this process has been told: by its own evictions at once, by others through the
// feed. Without a feed it is valid for a second.
type Stamp struct {
	epoch     uint64
	until     time.Duration // since the process began; 0 if the feed vouches
	entry     stripe
	tags      []stripe
	namespace uint64
	cache     uint64
}

// Stamp takes the stamp of an entry. It reports false if nothing can be kept in process now.
func (p *Space) Stamp(ref *Ref) (Stamp, bool) {
	st := p.st
	if st.life.closed.Load() || p.blocked(ref) {
		return Stamp{}, false
	}
	s := Stamp{namespace: st.everything.changes.Load(), cache: p.whole.changes.Load(), entry: st.stripes.read(ref.addr)}
	epoch, up := st.feed.status()
	s.epoch = epoch
	if !up {
		s.until = time.Since(began) + st.cfg.trust
	} else if !st.feed.covers(ref.addr) {
		return Stamp{}, false
	}
	for _, tag := range ref.tags {
		s.tags = append(s.tags, st.stripes.read(tag))
	}
	return s, true
}

// Of adds what the value rests on that was read after the stamp was taken: its tags, and generations that were believed
// and not asked for, which are not to be believed for longer because of it.
func (s Stamp) Of(v *View) Stamp {
	s.until = sooner(s.until, v.until)
	if len(v.tags) > 0 {
		s.tags = append(slices.Clip(s.tags), v.tags...)
	}
	return s
}

// Valid reports whether the stamp still is. It costs a few loads.
func (p *Space) Valid(s *Stamp) bool {
	st := p.st
	epoch, _ := st.feed.status()
	if s.epoch != epoch || s.namespace != st.everything.changes.Load() || s.cache != p.whole.changes.Load() ||
		!st.stripes.same(s.entry) {
		return false
	}
	for _, tag := range s.tags {
		if !st.stripes.same(tag) {
			return false
		}
	}
	return s.until == 0 || time.Since(began) < s.until
}
