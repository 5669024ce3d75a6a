package cacheable

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/jollyjet/aside/internal/pause"
	"github.com/jollyjet/aside/store"
)

const (
	patience        = 3           // failures of a key in a row before it pauses
	manyKeys        = 16          // failing keys in a row before the whole cache pauses
	firstUnstorable = time.Second // pause; doubled for each further failure
	longUnstorable  = 5 * time.Minute
	maxUnstorable   = 10_000 // keys; beyond that number they are forgotten
)

// unstorable knows the keys whose values could not be encoded, or not decoded again, when this process last met them. Storing
// them is tried again after growing pauses. During a pause reads go to the source alone, without a lease. The whole cache pauses
// only when many keys in a row have failed: one bad value says nothing of the others.
type unstorable struct {
	n atomic.Int64 // len(keys) + row, written under mu; spares the lock while it is 0

	mu    sync.Mutex
	keys  map[store.Key]*failures // guarded by mu, its values too
	row   int                     // keys that began to fail since a value was stored last; guarded by mu
	whole failures                // of the cache; guarded by mu
}

// failures are those since the last success. Those during a pause do not count.
type failures struct {
	n     int
	until time.Time // the end of the pause
}

// add counts a failure. The first pause begins with failure number first.
func (f *failures) add(now time.Time, first int) {
	if now.Before(f.until) {
		return
	}
	if f.n++; f.n >= first {
		f.until = now.Add(pause.After(f.n-first+1, firstUnstorable, longUnstorable))
	}
}

// pauses reports whether reads of the key go to the source alone now.
func (u *unstorable) pauses(key store.Key) bool {
	if u.n.Load() == 0 {
		return false
	}
	now := time.Now()
	u.mu.Lock()
	defer u.mu.Unlock()
	of := u.keys[key]
	return now.Before(u.whole.until) || of != nil && now.Before(of.until)
}

// suspects reports whether a value of the key must be verified before it is stored.
func (u *unstorable) suspects(key store.Key) bool {
	if u.n.Load() == 0 {
		return false
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.row > 0 || u.keys[key] != nil
}

// suspect is called when the value under the key could not be decoded: it may be damaged, or the values of the key are such.
func (u *unstorable) suspect(key store.Key) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.of(key)
	u.n.Store(int64(len(u.keys) + u.row))
}

// failed is called when a value of the key can't be stored.
func (u *unstorable) failed(key store.Key) {
	now := time.Now()
	u.mu.Lock()
	defer u.mu.Unlock()
	of := u.of(key)
	if of.n == 0 {
		u.row++
	}
	of.add(now, patience)
	if u.row >= manyKeys {
		u.whole.add(now, 1)
	}
	u.n.Store(int64(len(u.keys) + u.row))
}

// worked is called when a suspected value of the key can be stored.
func (u *unstorable) worked(key store.Key) {
	u.mu.Lock()
	defer u.mu.Unlock()
	delete(u.keys, key)
	u.row, u.whole = 0, failures{}
	u.n.Store(int64(len(u.keys)))
}

// of is called with mu locked.
func (u *unstorable) of(key store.Key) *failures {
	of := u.keys[key]
	if of == nil {
		if len(u.keys) >= maxUnstorable || u.keys == nil {
			u.keys = make(map[store.Key]*failures)
		}
		of = &failures{}
		u.keys[key] = of
	}
	return of
}
