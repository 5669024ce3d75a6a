package acltest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// step is a use of a package. It returns an error if something is not as it should be.
type step struct {
	name string
	do   func(ctx context.Context) error
}

// visitor is who tours a package, as a user.
type visitor struct {
	place      *place
	rdb, admin redis.UniversalClient
	namespace  string
	lines      *lines
	sent       *sent
	silent     bool        // nothing is logged of what the user lacks
	pinged     func() bool // whether a client has looked where its address leads; nil: see that the server is pinged
}

func (p *place) visitor(t *testing.T, r rule, namespace string) *visitor {
	t.Helper()
	return &visitor{place: p, rdb: p.client(t, r), admin: p.admin(t), namespace: namespace, lines: &lines{}, sent: &sent{}}
}

const patience = 5 * time.Second

// until waits for something.
func until(ctx context.Context, what string, done func() bool) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-ctx.Done():
			return fmt.Errorf("not within %v: %s", patience, what)
		case <-tick.C:
		}
	}
	return nil
}

// looking is a step that uses a client until it looks where its address leads, as it does every second but in a Cluster.
func (v *visitor) looking(t *testing.T, use func(ctx context.Context)) []step {
	t.Helper()
	if v.place.cluster != nil {
		return nil
	}
	return []step{{"look where the address leads", func(ctx context.Context) error {
		before, pinged := v.place.calls(t, "ping"), v.pinged
		if pinged == nil {
			pinged = func() bool { return v.place.calls(t, "ping") != before }
		}
		return until(ctx, "ping", func() bool { use(ctx); return pinged() })
	}}}
}

func is[T comparable](what string, got, want T, err error) error {
	if err != nil || got != want {
		return errors.Join(fmt.Errorf("%s: %v and not %v", what, got, want), err)
	}
	return nil
}

// lines are what was logged as a warning or worse.
type lines struct {
	mu  sync.Mutex
	all []string
}

func (l *lines) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelWarn }
func (l *lines) WithAttrs([]slog.Attr) slog.Handler               { return l }
func (l *lines) WithGroup(string) slog.Handler                    { return l }

func (l *lines) Handle(_ context.Context, r slog.Record) error {
	text := r.Message
	r.Attrs(func(a slog.Attr) bool {
		text += " " + a.String()
		return true
	})
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, text)
	return nil
}

func (l *lines) with(words string) []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(l.all), func(line string) bool { return !strings.Contains(line, words) })
}

// sent counts the commands that were sent, by their names.
type sent struct {
	mu     sync.Mutex
	counts map[string]int
}

func (s *sent) count(cmds ...redis.Cmder) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.counts == nil {
		s.counts = map[string]int{}
	}
	for _, cmd := range cmds {
		s.counts[cmd.Name()]++
	}
}

func (s *sent) of(name string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.counts[name]
}

func (s *sent) DialHook(next redis.DialHook) redis.DialHook { return next }

func (s *sent) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		s.count(cmd)
		return next(ctx, cmd)
	}
}

func (s *sent) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		s.count(cmds...)
		return next(ctx, cmds)
	}
}
