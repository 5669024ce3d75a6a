package cacheable

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jollyjet/aside/internal/entry"
)

// ErrNotModified is what a [Reload] returns for a value that is still current.
var ErrNotModified = errors.New("cacheable: not modified")

// Reload loads a value of which an old one is at hand: for a refresh, and for up to keep after its time to live has ended. It
// gets the old value, so it can ask the source for a change only, by an ETag, a version or a time of change. When it returns an
// error that wraps [ErrNotModified] the old value is stored again, with a new time to live. All that holds for the loader holds
// for it too. What was evicted is never an old value, nor is what the codec can't decode; the loader is called then.
//
// The old value is a copy of its own, which reload may change and return.
func Reload[K comparable, V any](reload func(ctx context.Context, key K, old V) (V, error), keep time.Duration) Option {
	checks.NotNil("Reload", reload == nil)
	checkTTL("Reload", keep)
	return func(s *settings) { s.reload, s.baseFor = reload, keep }
}

// refuseReload is an option for loaders of several values, which Reload does not fit.
func refuseReload(name string) Option {
	return func(s *settings) {
		if s.reload != nil {
			panic(fmt.Sprintf("cacheable: NewMany(%q): Reload is for the loader of one value; use New, or leave Reload out", name))
		}
	}
}

type reloadFunc[K comparable, V any] = func(context.Context, K, V) (V, error)

// reloader is the user's Reload.
type reloader[K comparable, V any] struct {
	entries *entries[K, V]
	reload  reloadFunc[K, V] // nil without Reload
}

// from loads a value from the old one. It reports false if there is none to load from.
func (r *reloader[K, V]) from(ctx context.Context, key K, old *entry.Entry) (value V, ok bool, err error) {
	if r.reload == nil || old == nil || old.Absence() || old.State != entry.Value && old.State != entry.Stale {
		return value, false, nil
	}
	var base V
	if !r.entries.decode(old.Payload(), &base) {
		return value, false, nil
	}
	value, err = r.reload(ctx, key, base)
	if errors.Is(err, ErrNotModified) {
		var same V // base may have been changed
		ok = r.entries.decode(old.Payload(), &same)
		return same, ok, nil
	}
	return value, true, err
}
