package entry

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/jollyjet/aside/internal/envelope"
	"github.com/jollyjet/aside/internal/eviction"
	"github.com/jollyjet/aside/internal/keyspace"
	"github.com/jollyjet/aside/internal/lifecycle"
	"github.com/jollyjet/aside/internal/outbox"
	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/internal/redisx"
	"github.com/jollyjet/aside/internal/tagversion"
	"github.com/jollyjet/aside/internal/tracking"
	"github.com/jollyjet/aside/internal/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	schema = 7
	ttl    = time.Hour
)

// rooms returns the entries of a namespace on a server without tracking. Evictions that fail are not repeated.
func rooms(t testing.TB, rdb redis.UniversalClient, hooks ...redis.Hook) *Entries {
	t.Helper()
	client, err := redisx.Own(rdb, redisx.Limits{Timeout: 5 * time.Second, Hooks: hooks})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, client.Close()) })
	log := slog.New(slog.DiscardHandler)
	keys, w, life := keyspace.New("n"), wire.New(client, wire.Config{}), lifecycle.New(log)
	tracker := tracking.New(tracking.Config{Keys: keys, Wire: w})
	versions := tagversion.New(tagversion.Config{Keys: keys, Wire: w, Tracker: tracker, Trust: ttl})
	box := outbox.New(outbox.Config{
		Namespace: "n", Everything: keys.Everything().Addr(), Log: log, Life: life, Limit: 100, Age: ttl, Remember: time.Minute,
		Changed: versions.Changed,
	})
	box.Suspend()
	return New(Config{
		Keys: keys, Wire: w, Tracker: tracker, Versions: versions, Outbox: box, Life: life, Log: log, LeaseTime: time.Minute, Trust: ttl,
		Evictor:      eviction.New(eviction.Config{Keys: keys, Wire: w, Versions: versions, Outbox: box, Life: life, HoldTime: time.Minute}),
		KeepVersions: ttl,
	})
}

// nowhere returns entries for tests that send nothing.
func nowhere(t testing.TB) *Entries {
	t.Helper()
	rdb := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1"})
	t.Cleanup(func() { require.NoError(t, rdb.Close()) })
	return rooms(t, rdb)
}

func mini(t testing.TB) (*Entries, *redis.Client) {
	t.Helper()
	rdb := redis.NewClient(&redis.Options{Addr: redistest.Mini(t).Addr()})
	t.Cleanup(func() { require.NoError(t, rdb.Close()) })
	return rooms(t, rdb), rdb
}

// answered is a snapshot whose versions all were answered so.
func answered(c *Cache, ref *Ref, record string) *tagversion.Snapshot {
	c.cfg.Versions.Changed(c.cfg.Keys.Everything().Addr()) // nothing is known from before
	c.cfg.Versions.Changed(c.All().Addr())
	s := c.snapshot(ref, false)
	for _, call := range s.Reads() {
		call.Reply = redis.NewCmd(context.Background())
		call.Reply.SetVal(record)
	}
	s.Answered()
	return s
}

var (
	version = envelope.NewVersion()
	current = string(envelope.NewTagVersion(version))
	hold    = string(envelope.HoldPrefix()) + "C" + "0123456789abcdef" + "99999999999999"
)

func load(t testing.TB, c *Cache, ref *Ref, r Contents) {
	t.Helper()
	lease, _, err := c.Acquire(t.Context(), ref, Entry{})
	require.NoError(t, err)
	require.NotNil(t, lease)
	stored, err := lease.Store(t.Context(), r)
	require.NoError(t, err)
	require.True(t, stored)
}
