package entry

import "sync"

// Identity says what caches of one name in one store must have in common. It is comparable.
type Identity any

// registry knows the caches that were made, by name. Its mutex is taken last. The zero registry is empty.
type registry struct {
	mu    sync.Mutex
	names map[string]*registered // under mu, its values too
}

// registered is what the first cache of a name was, and whether sharing the name is meant.
type registered struct {
	first  Identity
	shared bool // all of them say so
	told   bool
}

// Register records a cache of the name. It returns the identity of the first cache of the name, and whether the caches share
// the name by mistake: that is reported once for each name. A cache whose identity is not that of the first is not recorded.
func (r *registry) Register(name string, id Identity, shared bool) (first Identity, mistake bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	known := r.names[name]
	switch {
	case known == nil:
		if r.names == nil {
			r.names = make(map[string]*registered)
		}
		r.names[name] = &registered{first: id, shared: shared}
		return id, false
	case known.first != id:
		return known.first, false
	}
	known.shared = known.shared && shared
	mistake = !known.shared && !known.told
	known.told = known.told || mistake
	return id, mistake
}
