package checkpoint_test

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/jollyjet/aside/internal/checkpoint"
	"github.com/jollyjet/aside/internal/keyspace"
	"github.com/jollyjet/aside/internal/lifecycle"
	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/internal/redisx"
	"github.com/jollyjet/aside/internal/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// room has the checkpoints of a namespace on a miniredis. While lost is set, commands are carried out and their replies
// lost; while down is set, they are not sent.
type room struct {
	*checkpoint.Checkpoints
	life       *lifecycle.Lifecycle
	lost, down atomic.Bool
	rdb        *redis.Client
}

func newRoom(t *testing.T, lease time.Duration) *room {
	t.Helper()
	r := &room{life: lifecycle.New(slog.New(slog.DiscardHandler))}
	r.rdb = redis.NewClient(&redis.Options{Addr: redistest.Mini(t).Addr()})
	t.Cleanup(func() { require.NoError(t, r.rdb.Close()) })
	client, err := redisx.Own(r.rdb, redisx.Limits{Timeout: 5 * time.Second, Hooks: []redis.Hook{redistest.Hook(r.send)}})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, client.Close()) })
	r.Checkpoints = checkpoint.New(checkpoint.Config{
		Keys: keyspace.New("n"), Wire: wire.New(client, wire.Config{}), Life: r.life, LeaseTime: lease,
	})
	return r
}

var errLost = errors.New("lost")

func (r *room) send(_ context.Context, cmds []redis.Cmder, send func() error) error {
	err := error(nil)
	if !r.down.Load() {
		err = send()
	}
	if r.down.Load() || r.lost.Load() {
		err = errLost
		for _, cmd := range cmds {
			cmd.SetErr(err)
		}
	}
	return err
}

// What could not be saved is saved with the next renewal; a save whose reply was lost is no reason to lose the checkpoint.
func TestRenewSavesWhatWasNotSaved(t *testing.T) {
	for name, fault := range map[string]func(*room) *atomic.Bool{
		"not sent":   func(r *room) *atomic.Bool { return &r.down },
		"reply lost": func(r *room) *atomic.Bool { return &r.lost },
	} {
		t.Run(name, func(t *testing.T) {
			r := newRoom(t, 30*time.Millisecond)
			p, err := r.Take(t.Context(), "orders")
			require.NoError(t, err)
			require.NoError(t, p.Save(t.Context(), "one"))
			fault(r).Store(true)
			require.ErrorIs(t, p.Save(t.Context(), "two"), wire.ErrUnavailable)
			require.Equal(t, "two", p.At())
			fault(r).Store(false)
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan error, 1)
			go func() { ended <- p.Renew(ctx) }()
			redistest.Eventually(t, "the renewal saves", func() bool {
				return r.rdb.HGet(t.Context(), keyspace.New("n").Checkpoint("orders"), "at").Val() == "two"
			})
			cancel()
			require.NoError(t, <-ended, "it is still the owner")
		})
	}
}

// Renew ends when another process owns the checkpoint, and Save and Release say so too.
func TestWhoHasLostACheckpointIsTold(t *testing.T) {
	r := newRoom(t, time.Hour)
	first, err := r.Take(t.Context(), "orders")
	require.NoError(t, err)
	_, err = r.Take(t.Context(), "orders")
	require.ErrorIs(t, err, checkpoint.ErrTaken)
	require.NoError(t, first.Save(t.Context(), "one"))
	require.NoError(t, first.Release(t.Context()))
	second, err := r.Take(t.Context(), "orders")
	require.NoError(t, err)
	require.Equal(t, "one", second.At())
	require.ErrorIs(t, first.Save(t.Context(), "late"), checkpoint.ErrTaken)
	require.ErrorIs(t, first.Release(t.Context()), checkpoint.ErrTaken)
	require.NoError(t, second.Save(t.Context(), "two"))
	require.Equal(t, "two", second.At())
}

func TestAClosedStoreSendsNothing(t *testing.T) {
	r := newRoom(t, time.Hour)
	p, err := r.Take(t.Context(), "orders")
	require.NoError(t, err)
	require.True(t, r.life.Close())
	_, err = r.Take(t.Context(), "other")
	require.ErrorIs(t, err, lifecycle.ErrClosed)
	require.ErrorIs(t, p.Save(t.Context(), "one"), lifecycle.ErrClosed)
	require.ErrorIs(t, p.Release(t.Context()), lifecycle.ErrClosed)
}
