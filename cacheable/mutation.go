package cacheable

import "hash/maphash"

// mutationGuard finds callers that change values of Near, which all callers share. Under the race detector (go test
// -race) each use of such a value checks, by encoding it again, that it has not changed since it was cached.
type mutationGuard[V any] struct {
	coding *coding[V]
	shared bool // callers share memory that they could change
}

var mutationSeed = maphash.MakeSeed()

// on reports whether values are checked.
func (g *mutationGuard[V]) on() bool { return raceEnabled && g.shared }

// sum returns a checksum of a value, or 0 if it can't be encoded.
func (g *mutationGuard[V]) sum(v V) uint64 {
	raw, err := g.coding.encode(v)
	if err != nil {
		return 0
	}
	return maphash.Bytes(mutationSeed, raw)
}
