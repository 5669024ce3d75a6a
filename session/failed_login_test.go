package session_test

import (
	"context"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/session"
)

// silence is a hook. Once armed, it lets one script through and then fails all commands, as if Redis did not answer.
type silence struct{ on, armed atomic.Bool }

var errSilence error = &net.OpError{Op: "read", Net: "tcp", Err: context.DeadlineExceeded}

func (s *silence) DialHook(next redis.DialHook) redis.DialHook { return next }

func (s *silence) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if s.on.Load() {
			cmd.SetErr(errSilence)
			return errSilence
		}
		err := next(ctx, cmd)
		if s.armed.Load() && strings.HasPrefix(cmd.Name(), "eval") && err == nil {
			s.on.Store(true)
		}
		return err
	}
}

func (s *silence) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		if !s.on.Load() {
			return next(ctx, cmds)
		}
		for _, cmd := range cmds {
			cmd.SetErr(errSilence)
		}
		return errSilence
	}
}

// The session of a login that failed halfway is ended when Redis answers again, without any request.
func TestAFailedLoginLeavesNothingBehind(t *testing.T) {
	server := redistest.Start(t)
	rdb, ns, quiet := server.Client(t), redistest.Unique(t), &silence{}
	m := node(t, rdb, session.Namespace(ns), session.Hooks(quiet))
	login(t, m, "bob", "")
	require.Len(t, keysOf(t, rdb, ns+":s:"), 1)
	quiet.armed.Store(true)
	require.ErrorIs(t, m.Login(m.Attach(t.Context(), ""), "ann"), session.ErrUnavailable)
	require.Len(t, keysOf(t, rdb, ns+":s:"), 2, "it could not be ended")
	for range mostFailures {
		require.ErrorIs(t, m.DestroyAll(t.Context(), "nobody"), session.ErrUnavailable)
	}
	quiet.armed.Store(false)
	quiet.on.Store(false)
	redistest.Eventually(t, "the end of it", func() bool { return len(keysOf(t, rdb, ns+":s:")) == 1 })
	list, err := m.List(t.Context(), "bob")
	require.NoError(t, err)
	require.Len(t, list, 1, "other sessions stay")
}

// So is one of a login that failed alone, without a breaker that opens and closes.
func TestASingleFailedLoginLeavesNothingBehind(t *testing.T) {
	server := redistest.Start(t)
	rdb, ns, quiet := server.Client(t), redistest.Unique(t), &silence{}
	m := node(t, rdb, session.Namespace(ns), session.Hooks(quiet))
	login(t, m, "bob", "")
	quiet.armed.Store(true)
	require.ErrorIs(t, m.Login(m.Attach(t.Context(), ""), "ann"), session.ErrUnavailable)
	require.Len(t, keysOf(t, rdb, ns+":s:"), 2, "it could not be ended")
	quiet.armed.Store(false)
	quiet.on.Store(false)
	redistest.Eventually(t, "the end of it", func() bool { return len(keysOf(t, rdb, ns+":s:")) == 1 })
}

// Redis stops during many logins, for less than the timeout and until the breaker is open. Afterwards only the sessions
// exist whose Login returned nil.
func TestInterruptedLoginsLeaveNothingBehind(t *testing.T) {
	server := redistest.Start(t)
	rdb := server.Client(t)
	m := node(t, rdb, session.Timeout(waits))
	for _, stop := range []time.Duration{waits / 2, 3 * waits, 5 * waits} {
		user := stop.String()
		var done, failed atomic.Int64
		var wg sync.WaitGroup
		ctx, cancel := context.WithCancel(t.Context())
		for range 30 {
			wg.Go(func() {
				for ctx.Err() == nil && done.Load() < 5000 {
					if err := m.Login(m.Attach(context.WithoutCancel(ctx), ""), user); err != nil {
						failed.Add(1)
					} else {
						done.Add(1)
					}
				}
			})
		}
		redistest.Eventually(t, "logins", func() bool { return done.Load() > 200 })
		server.Pause()
		time.Sleep(stop)
		cancel()
		server.Resume()
		wg.Wait()
		count := -1
		redistest.Eventually(t, "the end of those that failed", func() bool {
			list, err := m.List(t.Context(), user)
			count = len(list)
			return err == nil && int64(count) == done.Load()
		})
		t.Logf("stopped for %v: %d logins, %d failed, %d sessions", stop, done.Load(), failed.Load(), count)
	}
}
