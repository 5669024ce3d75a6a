package evict_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"

	"github.com/jollyjet/aside/cacheable"
	"github.com/jollyjet/aside/evict"
	"github.com/jollyjet/aside/store"
)

// changeLog is a database with a log of its writes, which bypass the application. Positions are numbers of writes: "3"
// is after the third.
type changeLog struct {
	mu        sync.Mutex
	values    map[string]int64
	writes    []string // the key of each
	trimmed   int      // writes that the log has dropped
	more      chan struct{}
	opened    []string // positions asked for
	down      error    // of the next calls of the source, and of the streams
	breakAt   int      // if positive, streams fail after this many changes
	idle      bool     // streams that have nothing to tell say how far they are
	openings  int      // streams that are not closed
	instantly bool     // streams fail before they tell anything
	poison    int      // if positive, the number of a write that can't be read
}

func newLog() *changeLog {
	return &changeLog{values: make(map[string]int64), more: make(chan struct{})}
}

func (l *changeLog) change(f func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f()
	close(l.more)
	l.more = make(chan struct{})
}

func (l *changeLog) write(keys ...string) {
	l.change(func() {
		for _, key := range keys {
			l.values[key]++
			l.writes = append(l.writes, key)
		}
	})
}

// fail makes the source and its streams fail from now on; nil ends that.
func (l *changeLog) fail(err error) { l.change(func() { l.down = err }) }

func (l *changeLog) trim() { l.change(func() { l.trimmed = len(l.writes) }) }

func (l *changeLog) length() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.writes)
}

// open returns the number of open streams.
func (l *changeLog) open() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.openings
}

func (l *changeLog) asked() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.opened)
}

func (l *changeLog) load(_ context.Context, key string) (int64, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.values[key], nil
}

func (l *changeLog) source(_ context.Context, after string) (evict.Stream[string], error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.opened = append(l.opened, after)
	if l.down != nil {
		return nil, l.down
	}
	at := len(l.writes)
	if after != "" {
		var err error
		if at, err = strconv.Atoi(after); err != nil {
			return nil, err
		}
	}
	l.openings++
	return &logStream{log: l, at: at, begun: at, idleAt: -1}, nil
}

type logStream struct {
	log       *changeLog
	at, begun int
	idleAt    int // position reported while idle
}

var quiet = slog.New(slog.DiscardHandler)

var errPoisonous = errors.New("this change can't be read")

var errBroken = errors.New("stream broken")

func (s *logStream) Next(ctx context.Context) (evict.Change[string], error) {
	for {
		change, more, err := s.try()
		if more == nil {
			return change, err
		}
		select {
		case <-more:
		case <-ctx.Done():
			return evict.Change[string]{}, ctx.Err()
		}
	}
}

func (s *logStream) try() (c evict.Change[string], more chan struct{}, err error) {
	l := s.log
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.down != nil:
		return c, nil, l.down
	case s.at < l.trimmed:
		return c, nil, fmt.Errorf("%d is gone: %w", s.at, evict.ErrPositionLost)
	case l.breakAt > 0 && s.at-s.begun >= l.breakAt:
		return c, nil, errBroken
	case l.instantly:
		return c, nil, errBroken
	case l.poison > 0 && s.at == l.poison-1:
		return c, nil, errPoisonous
	case s.at < len(l.writes):
		s.at++
		return evict.Change[string]{Event: l.writes[s.at-1], Position: strconv.Itoa(s.at)}, nil, nil
	case l.idle && s.idleAt != s.at:
		s.idleAt = s.at
		return evict.Change[string]{Idle: true, Position: strconv.Itoa(s.at)}, nil, nil
	default:
		return c, l.more, nil
	}
}

func (s *logStream) Close() error {
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	s.log.openings--
	return io.ErrClosedPipe // what Close returns is of no interest
}

func itself(key string) string { return key }

// follow starts a consumer of the log that ends with the test.
func follow(t testing.TB, l *changeLog, c *cache) *evict.Changes {
	t.Helper()
	changes := evict.FromChanges(t.Context(), c.Store(), "log", l.source, evict.Key(c, itself))
	t.Cleanup(changes.Close)
	return changes
}

// position reads the stored position; it is empty if there is none.
func position(t testing.TB, rdb redis.UniversalClient, st *store.Store) string {
	t.Helper()
	at, err := rdb.HGet(context.Background(), st.Namespace()+":#bookmark:{log}", "at").Result()
	if !errors.Is(err, redis.Nil) {
		assert.NoError(t, err)
	}
	return at
}

// saved waits until the position is stored: from then on a successor continues from there.
func saved(t testing.TB, rdb redis.UniversalClient, st *store.Store, at string) {
	t.Helper()
	eventually(t, "position "+at+" is saved", func() bool { return position(t, rdb, st) == at })
}

// begun waits until the consumer listens: all later writes reach it.
func begun(t testing.TB, changes *evict.Changes, resets int64) {
	t.Helper()
	eventually(t, "the consumer listens", func() bool {
		s := changes.Stats()
		return s.Leading && s.Resets == resets
	})
}

// handled waits until the consumer has evicted n changes.
func handled(t testing.TB, changes *evict.Changes, n int64) {
	t.Helper()
	eventually(t, fmt.Sprintf("%d changes are handled", n), func() bool { return changes.Stats().Changes >= n })
}

func cacheOf(st *store.Store, l *changeLog) *cache {
	return cacheable.New(st, "c", l.load, cacheable.TTL(time.Hour))
}
