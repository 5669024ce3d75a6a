package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jollyjet/aside/bench/rolling/pipe"
)

// check is a promise that holds between a worker of one version and one of the other. It returns what was seen.
type check struct {
	name string
	cfg  pipe.Config
	run  func(ctx context.Context, t *truth, a, b *worker) (string, error)
}

// checks are all of them; each is made in both directions.
func checks() []check {
	return []check{
		{name: "one reads what the other has loaded", run: shareEntries},
		{name: "... several keys at once", run: shareBatches},
		{name: "... that the source has nothing", run: shareAbsences},
		{name: "... past its time, while the source is away", cfg: pipe.Config{Refresh: true}, run: shareStale},
		{name: "what one evicts the other loads", cfg: pipe.Config{Strict: true}, run: shareEvictions},
		{name: "... by tags of values", cfg: pipe.Config{Strict: true, ValueTags: true}, run: shareValueTags},
		{name: "one load for all who miss a key", run: shareLoads},
		{name: "a loader that dies is replaced", run: replaceLoader},
		{name: "a writer that dies leaves nothing stale", run: outliveWriter},
		{name: "sessions", run: shareSessions},
		{name: "changes of one session", run: shareChanges},
		{name: "rate limits", run: shareLimits},
	}
}

// check runs a check with a worker of each version.
func (l *lab) check(ctx context.Context, c check, a, b version) (seen string, err error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	t := newTruth()
	f, err := l.start(ctx, t, c.cfg, a, b)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, f.stop()) }()
	defer close(t.over)
	return c.run(ctx, t, f.workers[0], f.workers[1])
}

const entries = 100

func names(prefix string, n int) (keys []string) {
	for i := range n {
		keys = append(keys, fmt.Sprintf("%s-%d", prefix, i))
	}
	return keys
}

// expect reads a key, and fails if the answer does not come from there, or is not the one that filler has put there.
func (w *worker) expect(ctx context.Context, key string, version int64, from string, filler *worker) error {
	m, err := w.get(ctx, key)
	if err != nil {
		return fmt.Errorf("%s reads %s: %w", w.name, key, err)
	}
	if want := (pipe.Value{Version: version, Filler: filler.name}); m.Value != want || m.Source != from {
		return fmt.Errorf("%s reads %+v of %s from a %s, want %+v from a %s", w.name, m.Value, key, m.Source, want, from)
	}
	return nil
}

func shareEntries(ctx context.Context, t *truth, a, b *worker) (string, error) {
	keys := names("shared", entries)
	for _, key := range keys {
		if err := errors.Join(a.expect(ctx, key, 0, "miss", a), b.expect(ctx, key, 0, "hit", a)); err != nil {
			return "", err
		}
	}
	return fmt.Sprintf("%d hits, %d loads", len(keys), t.loaded(keys...)), nil
}

func shareBatches(ctx context.Context, t *truth, a, b *worker) (string, error) {
	keys := names("batch", entries)
	for _, readers := range [][2]*worker{{a, a}, {b, a}} {
		reader, filler := readers[0], readers[1]
		m, err := reader.conn.Call(ctx, pipe.Message{Do: "getall", Keys: keys})
		if err != nil {
			return "", err
		}
		for _, key := range keys {
			if m.Values[key].Filler != filler.name {
				return "", fmt.Errorf("%s reads %s from %q", reader.name, key, m.Values[key].Filler)
			}
		}
	}
	if n := t.loaded(keys...); n != len(keys) {
		return "", fmt.Errorf("%d loads of %d keys", n, len(keys))
	}
	return fmt.Sprintf("%d keys, as many loads", len(keys)), nil
}

func shareAbsences(ctx context.Context, t *truth, a, b *worker) (string, error) {
	_, err := a.get(ctx, "absent")
	m, again := b.get(ctx, "absent")
	if !errors.Is(err, pipe.ErrAbsent) || !errors.Is(again, pipe.ErrAbsent) || m.Source != "negative" || t.loaded("absent") != 1 {
		return "", errors.Join(fmt.Errorf("%d loads, and then from a %q", t.loaded("absent"), m.Source), err, again)
	}
	return "1 load", nil
}

func shareStale(ctx context.Context, t *truth, a, b *worker) (string, error) {
	if err := a.expect(ctx, "late", 0, "miss", a); err != nil {
		return "", err
	}
	t.fail(true)
	time.Sleep(100 * time.Millisecond) // its time to live is over
	if err := b.expect(ctx, "late", 0, "stale", a); err != nil {
		return "", err
	}
	n := t.loaded("late")
	if err := a.expect(ctx, "late", 0, "stale", a); err != nil { // the one that has seen it fail keeps the other from trying
		return "", err
	}
	if t.loaded("late") != n {
		return "", errors.New("both try to load what has just failed")
	}
	return "served, and tried once", nil
}

// shareEvictions needs a way to evict that works at once everywhere.
func shareEvictions(ctx context.Context, t *truth, a, b *worker) (string, error) {
	ways := []string{
		"after", "keys", "tag", "expire", "all", "around", "around tag", "put", "replace",
		"evict", "expire now", "by tag", "by pattern", "everything",
	}
	return evictEach(ctx, a, b, ways)
}

func shareValueTags(ctx context.Context, t *truth, a, b *worker) (string, error) {
	return evictEach(ctx, a, b, []string{"tag", "around tag", "by tag"})
}

// evictEach has a fill a key and b evict it.
func evictEach(ctx context.Context, a, b *worker, ways []string) (string, error) {
	for i, way := range ways {
		key := fmt.Sprint("evicted-", i)
		if err := errors.Join(a.expect(ctx, key, 0, "miss", a), a.expect(ctx, key, 0, "hit", a), b.write(ctx, way, key, 1)); err != nil {
			return "", fmt.Errorf("%s: %w", way, err)
		}
		from, filler := "miss", a
		if way == "put" || way == "replace" {
			from, filler = "hit", b
		}
		if err := errors.Join(a.expect(ctx, key, 1, from, filler), b.expect(ctx, key, 1, "hit", filler)); err != nil {
			return "", fmt.Errorf("%s: %w", way, err)
		}
	}
	return fmt.Sprintf("%d ways to evict", len(ways)), nil
}

// shareLoads lets many callers of both ask for the same keys.
func shareLoads(ctx context.Context, t *truth, a, b *worker) (string, error) {
	const callers = 50
	t.slow(10 * time.Millisecond)
	keys := names("cold", 20)
	var failed atomic.Int64
	for _, key := range keys {
		var all sync.WaitGroup
		for _, w := range []*worker{a, b} {
			for range callers {
				all.Go(func() {
					if _, err := w.get(ctx, key); err != nil {
						failed.Add(1)
					}
				})
			}
		}
		all.Wait()
	}
	if n := t.loaded(keys...); n != len(keys) || failed.Load() > 0 {
		return "", fmt.Errorf("%d loads of %d keys, %d reads failed", n, len(keys), failed.Load())
	}
	return fmt.Sprintf("%d loads of %d keys that %d asked for", len(keys), len(keys), 2*callers), nil
}
