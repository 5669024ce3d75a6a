package session

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/internal/redistest"
)

// severed is a hook that fails the commands on keys that contain a text, as if only the master with these keys were
// away.
type severed struct{ part atomic.Pointer[string] }

var errSevered = errors.New("severed")

func (s *severed) set(part string) { s.part.Store(&part) }

func (s *severed) hits(cmd redis.Cmder) bool {
	part := s.part.Load()
	if part == nil || *part == "" {
		return false
	}
	for _, arg := range cmd.Args() {
		if text, ok := arg.(string); ok && strings.Contains(text, *part) && !strings.Contains(text, "\n") { // no script
			return true
		}
	}
	return false
}

func (s *severed) DialHook(next redis.DialHook) redis.DialHook { return next }

func (s *severed) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if s.hits(cmd) {
			cmd.SetErr(errSevered)
			return errSevered
		}
		return next(ctx, cmd)
	}
}

func (s *severed) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) (err error) {
		var pass []redis.Cmder
		for _, cmd := range cmds {
			if s.hits(cmd) {
				cmd.SetErr(errSevered)
				err = errSevered
				continue
			}
			pass = append(pass, cmd)
		}
		if len(pass) > 0 {
			err = errors.Join(err, next(ctx, pass))
		}
		return err
	}
}

// An anonymous request is still running while another request logs its session in, and then ends it while the master
// that holds it is away. When the first request logs in, too, the ended session does not come back.
func TestLateLoginDoesNotBringTheSessionBack(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		for name, end := range map[string]func(m *Manager[int], ctx context.Context, handle string) error{
			"logout": func(m *Manager[int], ctx context.Context, _ string) error { return m.Destroy(ctx) },
			"all":    func(m *Manager[int], ctx context.Context, _ string) error { return m.DestroyAll(ctx, "ann") },
			"one": func(m *Manager[int], ctx context.Context, handle string) error {
				return m.DestroyOne(ctx, "ann", handle)
			},
		} {
			t.Run(name, func(t *testing.T) {
				cut := &severed{}
				m := New[int](rdb, Namespace(redistest.Unique(t)), Timeout(10*time.Second), Hooks(cut))
				t.Cleanup(func() { require.NoError(t, m.Close()) })
				ctx := m.Attach(t.Context(), "")
				require.NoError(t, m.Create(ctx, 1))
				anonymous, err := m.Token(ctx)
				require.NoError(t, err)
				late := m.Attach(t.Context(), anonymous)
				_, err = m.Get(late)
				require.NoError(t, err)
				require.NoError(t, m.Login(ctx, "ann"))
				token, err := m.Token(ctx)
				require.NoError(t, err)
				tok, ok := parseToken(token)
				require.True(t, ok)
				ending := m.Attach(t.Context(), token)
				_, err = m.Get(ending)
				require.NoError(t, err)

				cut.set(":s:")
				require.NoError(t, end(m, ending, tok.handle()), "the other master is enough")
				_ = m.Login(late, "ann")
				cut.set("")
				_, err = m.Get(m.Attach(t.Context(), token))
				require.ErrorIs(t, err, ErrNoSession)
				_ = m.Login(m.Attach(t.Context(), anonymous), "ann")
				_, err = m.Get(m.Attach(t.Context(), token))
				require.ErrorIs(t, err, ErrNoSession)
			})
		}
	})
}
