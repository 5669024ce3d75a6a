package redistest

import (
	"context"
	"net"
	"os"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if os.Getenv(orphanEnv) != "" {
		orphan()
	}
	Main(m)
}

// checkLeaks has to be called before a test starts its first fixture.
func checkLeaks(t *testing.T) {
	t.Helper()
	opt := goleak.IgnoreCurrent()
	t.Cleanup(func() { goleak.VerifyNone(t, opt) })
}

func short(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	t.Cleanup(cancel)
	return ctx
}

// requireTimeout accepts the context's own error, too: on a slow machine it has
// ended before the command was sent.
func requireTimeout(t *testing.T, err error) {
	t.Helper()
	var late net.Error
	require.ErrorAs(t, err, &late)
	require.True(t, late.Timeout(), "%v", err)
}

// eager gives up at once, so that a test sees the fault and not the retries.
func eager(o *redis.Options) {
	o.MaxRetries = -1
	o.DialerRetries = 1
	o.DialTimeout = time.Second
	o.ContextTimeoutEnabled = true
}

func eventually(t *testing.T, what string, check func(context.Context) error) {
	t.Helper()
	require.NoError(t, poll(20*time.Second, what, check))
}

func logStart(t *testing.T, begin time.Time) {
	t.Helper()
	t.Logf("started in %s", time.Since(begin).Round(time.Millisecond))
}

func TestPollKeepsTheLastReason(t *testing.T) {
	err := poll(50*time.Millisecond, "waiting", func(context.Context) error { return os.ErrNotExist })
	require.ErrorIs(t, err, os.ErrNotExist)
	require.ErrorContains(t, err, "waiting")

	calls := 0
	err = poll(time.Minute, "waiting", func(context.Context) error { calls++; return finalError{os.ErrClosed} })
	require.ErrorIs(t, err, os.ErrClosed)
	require.Equal(t, 1, calls)
}
