package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jollyjet/aside/bench/racelab"
	"github.com/jollyjet/aside/bench/rolling/pipe"
)

// race is one race of readers against writers in both versions.
type race struct {
	way     string // to evict
	cfg     pipe.Config
	first   string // the version whose worker writes, if there is but one that does; else all do
	options string // in words

	// Histories are not checked. Up to 05f6e8b a read that waits for a load goes to the source by itself when the key is
	// expired once more. So it may see a write before that is evicted, and another read may see the old value after it.
	unchecked bool
}

// nearBound is how old a read from a near tier may be: far more than the feed needs on a busy machine, and far less than a
// value lives.
const nearBound = 5 * time.Second

// races are the ways to evict, each with the options that it needs, and some with options that add writers of their own.
func races() (all []race) {
	for _, way := range []string{"after", "keys", "tag", "around", "around tag", "replace", "put", "evict", "by tag"} {
		all = append(all, race{way: way})
	}
	for _, way := range []string{"expire", "expire now"} {
		all = append(all, race{way: way, unchecked: true})
	}
	for _, way := range []string{"all", "everything"} {
		all = append(all, race{way: way, cfg: pipe.Config{Strict: true}, options: "strict"})
	}
	for _, way := range []string{"tag", "around tag", "by tag"} {
		all = append(all, race{way: way, cfg: pipe.Config{Strict: true, ValueTags: true}, options: "strict, tags of values"})
	}
	// Without expire: for the same reason aside up to 05f6e8b answers with the fallback then, which is stale.
	for _, way := range []string{"after", "around", "replace", "put"} {
		all = append(all, race{way: way, cfg: pipe.Config{Refresh: true}, options: "refreshed ahead"})
	}
	for _, way := range []string{"after", "tag", "around", "replace"} {
		for _, first := range []string{"old", "new"} {
			all = append(all, race{way: way, cfg: pipe.Config{Near: true}, first: first, options: "near, " + first + " writes"})
		}
	}
	return all
}

func (r race) String() string {
	if r.options == "" {
		return r.way
	}
	return r.way + " (" + r.options + ")"
}

// outcome is how a race went.
type outcome struct {
	racelab.Verdict
	oldFromNew, newFromOld int64 // reads of one version answered with what the other had put into Redis
	unreadable             int64 // entries that a worker found and could not make use of
}

func (o outcome) OK() bool { return o.Verdict.OK() && o.unreadable == 0 }

func (o outcome) String() string {
	return fmt.Sprintf("%v; %d hits of new on old's entries, %d of old on new's, %d unreadable", o.Verdict, o.newFromOld, o.oldFromNew, o.unreadable)
}

func (o outcome) plus(other outcome) outcome {
	o.Reads += other.Reads
	o.Writes += other.Writes
	o.Loads += other.Loads
	o.StaleReads += other.StaleReads
	o.StaleKeys += other.StaleKeys
	o.Nonlinear += other.Nonlinear
	o.Errors += other.Errors
	o.oldFromNew += other.oldFromNew
	o.newFromOld += other.newFromOld
	o.unreadable += other.unreadable
	return o
}

// raced is a source whose truth the race keeps.
type raced struct {
	of atomic.Pointer[racelab.Source]
}

func (r *raced) load(_, key string) (int64, error) {
	return r.of.Load().Load(context.Background(), key)
}

func (r *raced) store(_, key string, version int64) error {
	_, err := r.of.Load().Store(context.Background(), racelab.Write{Key: key, Version: version})
	return err
}

func (l *lab) race(ctx context.Context, r race) (o outcome, err error) {
	truth := &raced{}
	f, err := l.start(ctx, truth, r.cfg, l.mixed(r.first)...)
	if err != nil {
		return o, err
	}
	defer func() { err = errors.Join(err, f.stop()) }()
	var oldFromNew, newFromOld atomic.Int64
	cfg := racelab.Config{
		Writers: len(f.workers), Rounds: l.rounds, Keys: 8, Writes: 5, Readers: 16, Slowness: 3 * time.Millisecond, Check: !r.unchecked,
		Nodes: func(s racelab.Source) (nodes []racelab.Node) {
			truth.of.Store(&s)
			for _, w := range f.workers {
				crossed := &newFromOld
				if w.version == "old" {
					crossed = &oldFromNew
				}
				nodes = append(nodes, w.node(r.way, crossed))
			}
			return nodes
		},
	}
	if r.first != "" {
		cfg.Writers, cfg.Check, cfg.Bound = 1, false, nearBound
	}
	o.Verdict = racelab.Run(ctx, cfg)
	o.oldFromNew, o.newFromOld = oldFromNew.Load(), newFromOld.Load()
	o.unreadable, err = f.unreadable(ctx)
	return o, err
}

// mixed is as many of both versions, in turn.
func (l *lab) mixed(first string) (versions []version) {
	for range l.workers {
		if first == l.newer.name {
			versions = append(versions, l.newer, l.older)
		} else {
			versions = append(versions, l.older, l.newer)
		}
	}
	return versions
}

// node is the worker as a node of a race. It counts hits on what the other version has filled.
func (w *worker) node(way string, crossed *atomic.Int64) racelab.Node {
	return racelab.Node{
		Get: func(ctx context.Context, key string) (int64, error) {
			m, err := w.get(ctx, key)
			if m.Source == "hit" && !strings.HasPrefix(m.Value.Filler, w.version) {
				crossed.Add(1)
			}
			return m.Value.Version, err
		},
		Write: func(ctx context.Context, wr racelab.Write) (int64, error) {
			return wr.Version, w.write(ctx, way, wr.Key, wr.Version)
		},
	}
}
