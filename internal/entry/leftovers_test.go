package entry

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/internal/envelope"
	"github.com/jollyjet/aside/internal/redistest"
)

func leaseAt(at string) *Lease {
	return &Lease{at: at, lease: envelope.NewLease(envelope.NewToken())}
}

// left runs a test in a bubble, with a Redis that can be made unreachable.
func left(t *testing.T, test func(t *testing.T, e *Entries, rdb redis.UniversalClient, away *atomic.Bool)) {
	redistest.Bubble(t, func(t *testing.T, rdb redis.UniversalClient) {
		away := new(atomic.Bool)
		e := rooms(t, rdb, redistest.Hook(func(_ context.Context, cmds []redis.Cmder, send func() error) error {
			if !away.Load() {
				return send()
			}
			for _, cmd := range cmds {
				cmd.SetErr(io.ErrUnexpectedEOF)
			}
			return io.ErrUnexpectedEOF
		}))
		test(t, e, rdb, away)
		e.cfg.Life.Close()
		e.cfg.Life.Drain(t.Context())
	})
}

// A take that is carried out after its lease was given back keeps others waiting for a few times as long as it was late.
func TestALeaseThatArrivesLateIsGivenBack(t *testing.T) {
	for _, late := range []time.Duration{0, 3 * time.Millisecond, 50 * time.Millisecond, 2 * time.Second} {
		t.Run(late.String(), func(t *testing.T) {
			left(t, func(t *testing.T, e *Entries, rdb redis.UniversalClient, _ *atomic.Bool) {
				l := leaseAt("k")
				e.leftovers.add(l.lease, l.at)
				require.True(t, e.leftovers.has(l.lease))
				time.Sleep(late)
				require.NoError(t, rdb.Set(t.Context(), "k", l.lease, time.Minute).Err())
				time.Sleep(3*late + 10*time.Millisecond)
				synctest.Wait()
				require.Zero(t, rdb.Exists(t.Context(), "k").Val())
				require.Zero(t, e.leftovers.n.Load(), "it can't come back")
			})
		})
	}
}

// Nobody looks for ever for a lease that is not there, and a lease of somebody else stays.
func TestALeaseThatIsNotThereIsForgotten(t *testing.T) {
	left(t, func(t *testing.T, e *Entries, rdb redis.UniversalClient, _ *atomic.Bool) {
		other := leaseAt("k")
		require.NoError(t, rdb.Set(t.Context(), "k", other.lease, time.Hour).Err())
		require.False(t, e.leftovers.has(other.lease))
		e.leftovers.add(leaseAt("k").lease, leaseAt("k").at)
		time.Sleep(e.cfg.LeaseTime)
		require.EqualValues(t, 1, e.leftovers.n.Load(), "its take may still arrive")
		time.Sleep(10 * e.cfg.LeaseTime)
		synctest.Wait()
		require.Zero(t, e.leftovers.n.Load())
		require.False(t, e.leftovers.running)
		require.EqualValues(t, 1, rdb.Exists(t.Context(), "k").Val())
	})
}

func TestALeaseIsGivenBackWhenRedisAnswersAgain(t *testing.T) {
	const many = 1500
	left(t, func(t *testing.T, e *Entries, rdb redis.UniversalClient, away *atomic.Bool) {
		away.Store(true)
		for i := range many {
			l := leaseAt(fmt.Sprint("k", i))
			require.NoError(t, rdb.Set(t.Context(), l.at, l.lease, 0).Err())
			e.leftovers.add(l.lease, l.at)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		require.EqualValues(t, many, e.leftovers.n.Load())
		away.Store(false)
		time.Sleep(300 * time.Millisecond)
		synctest.Wait()
		require.Zero(t, e.leftovers.n.Load())
		require.Zero(t, rdb.DBSize(t.Context()).Val())
	})
}

// A lease at a master that does not answer is tried again now and then, whatever other masters answer.
func TestALeaseOfAMasterThatIsAway(t *testing.T) {
	redistest.Bubble(t, func(t *testing.T, rdb redis.UniversalClient) {
		var tries atomic.Int64
		e := rooms(t, rdb, redistest.Hook(func(_ context.Context, cmds []redis.Cmder, send func() error) error {
			err := send()
			for _, cmd := range cmds {
				if strings.Contains(cmd.String(), "k-away") {
					tries.Add(1)
					cmd.SetErr(io.ErrUnexpectedEOF)
				}
			}
			return err
		}))
		defer func() { e.cfg.Life.Close(); e.cfg.Life.Drain(t.Context()) }()
		for range 10 {
			e.leftovers.add(leaseAt("k-away").lease, "k-away")
			here := leaseAt("k-here")
			require.NoError(t, rdb.Set(t.Context(), "k-here", here.lease, 0).Err())
			e.leftovers.add(here.lease, here.at)
			time.Sleep(time.Second)
			synctest.Wait()
		}
		require.EqualValues(t, 10, e.leftovers.n.Load())
		require.Greater(t, tries.Load(), int64(30))
		require.Less(t, tries.Load(), int64(1000))
	})
}

func TestLeftoversAreBounded(t *testing.T) {
	e := nowhere(t)
	e.SuspendGiveBack()
	for range maxLeftovers + 10 {
		e.leftovers.add(leaseAt("k").lease, leaseAt("k").at)
	}
	require.EqualValues(t, maxLeftovers, e.leftovers.n.Load())
}
