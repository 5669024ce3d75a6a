package redistest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	logLines     = 20
	readyTimeout = 15 * time.Second
)

// Server is one redis-server process that can be killed, paused and brought back
// under the same address. Its methods may be called from any goroutine. One that
// fails marks the test as failed and lets it continue.
type Server struct {
	tb       testing.TB // nil for the shared servers of Each
	label    string
	dir      string
	sentinel bool
	lease    *lease
	port     int

	mu   sync.Mutex // held through a whole life-cycle step
	proc *process
}

// Start runs one node until the end of the test. Each config is one line of
// redis.conf, such as "maxmemory 10mb" or "appendonly yes", and may override
// the defaults, which keep nothing on disk. The node answers PING when Start
// returns.
func Start(tb testing.TB, config ...string) *Server {
	tb.Helper()
	Require(tb)
	return startIn(tb, "server", config)
}

func startIn(tb testing.TB, label string, config []string) *Server {
	tb.Helper()
	s, err := launch(spec{label: label, dir: tb.TempDir(), config: config})
	if err != nil {
		tb.Fatal(err)
	}
	s.own(tb)
	return s
}

// own makes a test end the server.
func (s *Server) own(tb testing.TB) {
	s.tb = tb
	tb.Cleanup(func() {
		if tb.Failed() {
			s.logTo(tb)
		}
		if err := s.close(); err != nil {
			tb.Error(err)
		}
	})
}

func (s *Server) logTo(tb testing.TB) {
	tb.Helper()
	tb.Logf("last %d log lines of %s:\n%s", logLines, s, logTail(s.dir, logLines))
}

// String names the server in messages.
func (s *Server) String() string { return s.label + " " + s.Addr() }

// Addr is the host and port, the same for the server's whole life.
func (s *Server) Addr() string { return loopback(s.port) }

// Dir is the folder that holds the configuration, the data and the log.
func (s *Server) Dir() string { return s.dir }

// Pid is the process id of the current run, or 0 if the server is down.
func (s *Server) Pid() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.proc.running() {
		return 0
	}
	return s.proc.os.Pid
}

// Client returns a client with the default options, changed by opts, that is
// closed at the end of tb.
func (s *Server) Client(tb testing.TB, opts ...func(*redis.Options)) *redis.Client {
	tb.Helper()
	o := &redis.Options{Addr: s.Addr()}
	for _, opt := range opts {
		opt(o)
	}
	rdb := redis.NewClient(o)
	closeLater(tb, rdb)
	return rdb
}

// Do runs one command on a connection of its own, without retries. So neither the
// state of the test's clients nor an earlier fault affects it.
func (s *Server) Do(ctx context.Context, args ...any) (any, error) {
	opts, done, err := s.admin(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	rdb := redis.NewClient(opts)
	defer func() { _ = rdb.Close() }()
	return rdb.Do(ctx, args...).Result()
}

// admin returns options for a client of one command. They come with an open
// connection: a client that fails to connect logs that to the standard error, and
// most failures here are expected, such as a server that is starting or that the
// test has killed.
func (s *Server) admin(ctx context.Context) (opts *redis.Options, done func(), err error) {
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", s.Addr())
	if err != nil {
		return nil, nil, err
	}
	return &redis.Options{
		Addr:                  s.Addr(),
		Dialer:                func(context.Context, string, string) (net.Conn, error) { return conn, nil },
		Protocol:              2, // replies keep one shape across server versions
		DisableIdentity:       true,
		MaxRetries:            -1,
		DialerRetries:         1,
		ContextTimeoutEnabled: true,
	}, func() { _ = conn.Close() }, nil
}

// info returns the fields of one INFO section.
func (s *Server) info(ctx context.Context, section string) (map[string]string, error) {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	text, err := s.text(ctx, "INFO", section)
	if err != nil {
		return nil, err
	}
	fields := map[string]string{}
	for line := range strings.Lines(text) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			fields[name] = value
		}
	}
	return fields, nil
}

func (s *Server) text(ctx context.Context, args ...any) (string, error) {
	reply, err := s.Do(ctx, args...)
	if err != nil {
		return "", fmt.Errorf("%s: %w", s, err)
	}
	text, ok := reply.(string)
	if !ok {
		return "", fmt.Errorf("%s: %v answered %T", s, args, reply)
	}
	return text, nil
}

// report is how a life-cycle step fails: a test may run the step from another
// goroutine, where Fatal is not allowed.
func (s *Server) report(step string, err error) {
	if err == nil || s.tb == nil {
		return
	}
	s.tb.Helper()
	s.tb.Errorf("%s: %s: %v", s, step, err)
}

func closeLater(tb testing.TB, c interface{ Close() error }) {
	tb.Helper()
	tb.Cleanup(func() {
		if err := c.Close(); err != nil && !errors.Is(err, redis.ErrClosed) {
			tb.Errorf("redistest: closing a client: %v", err)
		}
	})
}
