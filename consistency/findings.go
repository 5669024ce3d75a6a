package consistency

import (
	"slices"
	"sync"
	"time"

	"github.com/jollyjet/aside/internal/entry"
)

// Finding is a wrong entry. It contains no values, except for the text that [Diff] returns.
type Finding struct {
	Cache    string        `json:"cache"`
	Key      string        `json:"key"` // in Redis
	Class    string        `json:"class"`
	Cached   string        `json:"cached"` // "value" or "absence"
	Source   string        `json:"source"`
	Detail   string        `json:"detail,omitempty"` // from Diff
	Found    time.Time     `json:"found"`
	MinAge   time.Duration `json:"min_age_ns"`     // lower bound of how long the entry had been wrong when it was found
	MaxAge   time.Duration `json:"max_age_ns"`     // upper bound: the time since its load began, or since ChangedAt
	Hits     int64         `json:"hits,omitempty"` // sampled hits of a monitor that returned it
	Repaired bool          `json:"repaired"`

	version entry.Token
}

// findings are the latest findings of a monitor. It is safe for concurrent use.
type findings struct {
	keep int

	mu    sync.Mutex // guards all below
	byKey map[string]*Finding
	order []string // the keys, oldest finding first
}

func newFindings(keep int) *findings {
	return &findings{keep: keep, byKey: make(map[string]*Finding)}
}

// known reports whether this version of the entry is known to be wrong. If so, it counts one more hit.
func (f *findings) known(key string, version entry.Token) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	found := f.byKey[key]
	if found == nil || found.version != version {
		return false
	}
	found.Hits++
	return true
}

// add stores a finding. It replaces an earlier one of the same key, or else the oldest if there are too many.
//
// It reports false if this version of the entry is already known: a hit that was sampled after the mismatch was
// concluded, but before its finding was added, starts another mismatch of the same version.
func (f *findings) add(found Finding) (isNew bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch old := f.byKey[found.Key]; {
	case old != nil && old.version == found.version:
		old.Hits += found.Hits
		old.Repaired = old.Repaired || found.Repaired
		return false
	case old != nil:
		f.order = slices.DeleteFunc(f.order, func(key string) bool { return key == found.Key })
	case len(f.order) >= f.keep:
		delete(f.byKey, f.order[0])
		f.order = f.order[1:]
	}
	f.byKey[found.Key] = &found
	f.order = append(f.order, found.Key)
	return true
}

// report returns the findings, the latest first.
func (f *findings) report() []Finding {
	f.mu.Lock()
	defer f.mu.Unlock()
	all := make([]Finding, 0, len(f.order))
	for _, key := range slices.Backward(f.order) {
		all = append(all, *f.byKey[key])
	}
	return all
}
