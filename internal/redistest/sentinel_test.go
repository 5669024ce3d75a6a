package redistest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestSentinelFailover(t *testing.T) {
	checkLeaks(t)
	begin := time.Now()
	s := StartSentinel(t)
	logStart(t, begin)
	require.Len(t, s.SentinelAddrs(), 3)

	rdb := s.Client(t)
	require.NoError(t, rdb.Set(t.Context(), "k", "v", 0).Err())
	require.Equal(t, int64(1), rdb.Wait(t.Context(), 1, 5*time.Second).Val())
	master, replica := s.Master(), s.Replica()
	require.NotSame(t, master, replica)

	begin = time.Now()
	s.Failover(t)
	t.Logf("ordered failover in %s", time.Since(begin).Round(time.Millisecond))
	require.Same(t, replica, s.Master())
	require.Same(t, master, s.Replica())
	eventually(t, "the client's way to the new master", func(ctx context.Context) error {
		return rdb.Set(ctx, "k", "w", 0).Err()
	})
	require.Equal(t, int64(1), rdb.Wait(t.Context(), 1, 5*time.Second).Val())

	victim, heir := s.Master(), s.Replica()
	victim.Kill()
	begin = time.Now()
	eventually(t, "the sentinels' own failover", func(context.Context) error {
		if s.Master() != heir {
			return errors.New("not yet")
		}
		return nil
	})
	t.Logf("failover after a kill in %s", time.Since(begin).Round(time.Millisecond))
	eventually(t, "the client's way back", func(ctx context.Context) error {
		return rdb.Set(ctx, "k", "x", 0).Err()
	})
	victim.Restart()
	// On a machine that stalls, the sentinels may well change their mind, so
	// whoever is the master now is right.
	eventually(t, "the killed master's return", func(ctx context.Context) error {
		return s.agreed(s.roles())(ctx)
	})
}
