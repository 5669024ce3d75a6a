package evict_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/jollyjet/aside/evict"
	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/store"
)

// positionCall parses a call of the checkpoint script.
func positionCall(cmd redis.Cmder) (op, at string, ok bool) {
	args := cmd.Args()
	if !strings.HasPrefix(cmd.Name(), "eval") || len(args) < 8 || !strings.Contains(fmt.Sprint(args[3]), ":#bookmark:{") {
		return "", "", false
	}
	if op = fmt.Sprint(args[7]); op == "save" {
		at = fmt.Sprint(args[10])
	}
	return op, at, true
}

// witness is a hook that observes every eviction and every position that the consumers of a log send. It checks that a
// position is sent only after Redis has confirmed the evictions of all changes up to it. An eviction counts only if it
// began after its change was made.
type witness struct {
	log       *changeLog
	namespace string

	mu       sync.Mutex
	covered  map[string]int // by Redis key: all writes of it up to this number are evicted
	violated []string
	saves    int
	dead     bool   // positions are not saved any more, nor given up
	saving   string // what happens to positions that are saved: refused, lost (carried out without a reply), late, or nothing
	late     func() // carries out a save that was late
}

func (w *witness) DialHook(next redis.DialHook) redis.DialHook { return next }

func (w *witness) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if op, at, ok := positionCall(cmd); ok {
			if err := w.position(op, at); err != nil {
				cmd.SetErr(err)
				return err
			}
			return w.save(ctx, op, cmd, next)
		}
		length := w.log.length()
		err := next(ctx, cmd)
		w.evicted(length, cmd)
		return err
	}
}

func (w *witness) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		length := w.log.length()
		err := next(ctx, cmds)
		w.evicted(length, cmds...)
		return err
	}
}

func (w *witness) evicted(length int, cmds ...redis.Cmder) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, cmd := range cmds {
		if strings.HasPrefix(cmd.Name(), "eval") && cmd.Err() == nil { // nothing but evictions is sent besides
			key := fmt.Sprint(cmd.Args()[3])
			w.covered[key] = max(w.covered[key], length)
		}
	}
}

func (w *witness) position(op, at string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.dead && op != "take" {
		return fmt.Errorf("died before %s", op)
	}
	if op != "save" || at == "" {
		return nil
	}
	w.saves++
	n, err := strconv.Atoi(at)
	if err != nil {
		return err
	}
	w.log.mu.Lock()
	defer w.log.mu.Unlock()
	for i, key := range w.log.writes[:n] {
		done := max(w.covered[w.namespace+":{c:"+key+"}"], w.covered[w.namespace+":{#all:c}"])
		if done < i+1 {
			w.violated = append(w.violated, fmt.Sprintf("position %d was sent, but write %d of %s is evicted only up to %d", n, i+1, key, done))
			break
		}
	}
	return nil
}

// save sends a call of the checkpoint, with the fault that is set.
func (w *witness) save(ctx context.Context, op string, cmd redis.Cmder, next redis.ProcessHook) error {
	w.mu.Lock()
	fault := w.saving
	if op != "save" {
		fault = ""
	}
	if fault == "late" {
		w.late = func() { _ = next(context.WithoutCancel(ctx), redis.NewCmd(ctx, cmd.Args()...)) }
	}
	w.mu.Unlock()
	if fault == "" || fault == "lost" {
		if err := next(ctx, cmd); err != nil || fault == "" {
			return err
		}
	}
	cmd.SetErr(errors.New(fault))
	return cmd.Err()
}

// faulty sets what happens to positions that are saved, and carries out the one that is late.
func (w *witness) faulty(fault string) {
	w.mu.Lock()
	late := w.late
	w.saving, w.late = fault, nil
	w.mu.Unlock()
	if late != nil {
		late()
	}
}

func (w *witness) die(dead bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.dead = dead
}

var lawTime = flag.Duration("changes.law", 3*time.Second, "how long to look for ways to break the law of changes")

// Whatever happens to the source, to Redis, to what is saved and to the consumer: no position is sent before the evictions
// up to it are confirmed, in the end readers see what was written, and the cache is emptied at most once for each position
// lost.
func TestEveryChangeIsEvictedAtLeastOnce(t *testing.T) {
	const lease = 30 * time.Millisecond
	saves, runs, began := 0, 0, time.Now()
	rapid.Check(t, func(r *rapid.T) {
		if time.Since(began) > *lawTime {
			return
		}
		runs++
		namespace, log := redistest.Unique(t), newLog()
		server := redistest.Mini(t)
		defer server.Close()
		rdb := redis.NewClient(&redis.Options{Addr: server.Addr()})
		defer func() { _ = rdb.Close() }()
		w := &witness{log: log, namespace: namespace, covered: make(map[string]int)}
		st, err := store.Open(t.Context(), rdb, store.Namespace(namespace), store.Logger(quiet), store.Hooks(w),
			store.LeaseTime(lease), store.Timeout(5*time.Second), store.BreakAfter(1000))
		require.NoError(r, err)
		defer func() { _ = st.Close() }()
		// The reader has a store of its own, so that the witness sees only the consumer.
		other, err := store.Open(t.Context(), rdb, store.Namespace(namespace), store.Logger(quiet), store.Timeout(5*time.Second))
		require.NoError(r, err)
		defer func() { _ = other.Close() }()
		consumed, reader := cacheOf(st, log), cacheOf(other, log)
		var changes *evict.Changes
		positionsLost, resets := int64(1), int64(0)
		stop := func() { // the position may be unsaved
			changes.Close()
			resets += changes.Stats().Resets
			positionsLost++
		}
		log.idle = rapid.Bool().Draw(r, "idle")
		streamLost := func() { // before its first position, if it does not tell one
			if !log.idle {
				positionsLost++
			}
		}
		start := func() {
			changes = evict.FromChanges(t.Context(), st, "log", log.source, evict.Key(consumed, itself))
		}
		start()
		defer func() { changes.Close() }()

		// settled waits until changes are handled, so that later faults have something to break.
		settled := func() {
			want := strconv.Itoa(log.length())
			for deadline := time.Now().Add(300 * time.Millisecond); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
				s := changes.Stats()
				if at, _ := rdb.HGet(t.Context(), namespace+":#bookmark:{log}", "at").Result(); s.Leading && (at == want || want == "0" && s.Resets > 0) {
					return
				}
			}
		}
		settled()
		keys := []string{"a", "b", "c", "d"}
		steps := rapid.IntRange(5, 25).Draw(r, "steps")
		for range steps {
			switch action := rapid.SampledFrom([]string{"write", "write", "write", "read", "read", "source fails", "trim", "redis fails", "redis forgets", "dies", "restarts", "settles", "settles", "poison", "fails at once", "saving", "saving"}).Draw(r, "action"); action {
			case "write":
				log.write(rapid.SliceOfN(rapid.SampledFrom(keys), 1, 5).Draw(r, "keys")...)
			case "read":
				_, _ = reader.Get(t.Context(), rapid.SampledFrom(keys).Draw(r, "key"))
			case "source fails":
				streamLost()
				log.fail(errBroken)
				time.Sleep(time.Millisecond)
				log.fail(nil)
			case "fails at once":
				streamLost()
				log.change(func() { log.instantly = true })
				time.Sleep(time.Duration(rapid.IntRange(0, 200).Draw(r, "ms")) * time.Millisecond)
				log.change(func() { log.instantly = false })
			case "poison":
				if log.poison == 0 { // it takes seconds to pass one
					log.change(func() { log.poison = len(log.writes) + 1 })
					positionsLost++
				}
			case "saving":
				w.faulty(rapid.SampledFrom([]string{"refused", "lost", "late", "", ""}).Draw(r, "fault"))
			case "trim":
				log.trim()
				positionsLost++
			case "redis fails":
				server.SetError("BUSY")
				time.Sleep(time.Duration(rapid.IntRange(0, 20).Draw(r, "ms")) * time.Millisecond)
				server.SetError("")
			case "redis forgets":
				server.FlushAll()
				positionsLost++
			case "dies":
				w.die(true)
				stop()
				w.die(false)
				time.Sleep(lease) // that of the dead
				start()
			case "restarts":
				stop()
				start()
			case "settles":
				settled()
			}
		}
		w.faulty("")
		log.write(keys...)
		truth := func() bool {
			for _, key := range keys {
				want, _ := log.load(t.Context(), key)
				if got, err := reader.Get(t.Context(), key); err != nil || got != want {
					return false
				}
			}
			return true
		}
		for deadline := time.Now().Add(15 * time.Second); !truth(); time.Sleep(2 * time.Millisecond) {
			if time.Now().After(deadline) {
				r.Fatalf("stale for good: %+v", changes.Stats())
			}
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		require.Empty(r, w.violated)
		resets += changes.Stats().Resets
		require.LessOrEqual(r, resets, positionsLost, "the cache was emptied more often than positions were lost")
		saves += w.saves
	})
	t.Logf("%d runs; %d positions were checked", runs, saves)
	require.Positive(t, saves)
}
