package eviction_test

import (
	"context"
	"errors"
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
	"github.com/jollyjet/aside/internal/tracing"
	"github.com/jollyjet/aside/internal/tracking"
	"github.com/jollyjet/aside/internal/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// room has an evictor on a miniredis, and an outbox that repeats nothing.
type room struct {
	*eviction.Evictor
	rdb     *redis.Client
	keys    *keyspace.Keyspace
	outbox  *outbox.Outbox
	life    *lifecycle.Lifecycle
	changes *tagversion.Changes
	spans   []string                    // kinds that were traced
	lost    func(cmd redis.Cmder) bool  // whose reply is lost; nil: none
	refused func(cmd redis.Cmder) error // what Redis answers instead; nil: nothing
}

var errLost = errors.New("lost")

func newRoom(t *testing.T) *room {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	r := &room{keys: keyspace.New("n"), life: lifecycle.New(log)}
	r.rdb = redis.NewClient(&redis.Options{Addr: redistest.Mini(t).Addr()})
	t.Cleanup(func() { require.NoError(t, r.rdb.Close()) })
	client, err := redisx.Own(r.rdb, redisx.Limits{Timeout: 5 * time.Second, Hooks: []redis.Hook{redistest.Hook(r.send)}})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, client.Close()) })
	w := wire.New(client, wire.Config{})
	versions := tagversion.New(tagversion.Config{Keys: r.keys, Wire: w, Tracker: tracking.New(tracking.Config{Keys: r.keys, Wire: w})})
	r.changes = versions.Changes()
	r.outbox = outbox.New(outbox.Config{
		Namespace: "n", Everything: r.keys.Everything().Addr(), Log: log, Life: r.life, Limit: 100, Age: time.Hour,
		Remember: time.Minute, Changed: versions.Changed,
	})
	r.outbox.Suspend()
	tracer := &tracing.Tracer{
		Start: func(ctx context.Context, s tracing.Start) context.Context {
			r.spans = append(r.spans, s.Kind)
			return ctx
		},
		End: func(context.Context, tracing.End) {},
	}
	r.Evictor = eviction.New(eviction.Config{
		Keys: r.keys, Wire: w, Versions: versions, Outbox: r.outbox, Life: r.life, Tracer: tracer, HoldTime: time.Minute,
	})
	return r
}

func (r *room) send(_ context.Context, cmds []redis.Cmder, send func() error) error {
	err := send()
	for _, cmd := range cmds {
		if r.refused != nil && r.refused(cmd) != nil {
			err = r.refused(cmd)
			cmd.SetErr(err)
		}
		if r.lost != nil && r.lost(cmd) {
			cmd.SetErr(errLost)
			err = errLost
		}
	}
	return err
}

func (r *room) set(t *testing.T, keys ...eviction.Key) {
	t.Helper()
	for _, key := range keys {
		record := envelope.Append(nil, &envelope.Entry{Kind: envelope.Value, Token: envelope.NewToken(), TTL: time.Hour, Payload: []byte("x")})
		require.NoError(t, r.rdb.Set(t.Context(), key.Addr(), record, time.Hour).Err())
	}
}

func (r *room) exists(t *testing.T, key eviction.Key) bool {
	t.Helper()
	n, err := r.rdb.Exists(t.Context(), key.Addr()).Result()
	require.NoError(t, err)
	return n == 1
}

// touches reports whether a command is about one of the keys.
func touches(keys ...eviction.Key) func(redis.Cmder) bool {
	return func(cmd redis.Cmder) bool {
		for _, arg := range cmd.Args() {
			for _, key := range keys {
				if arg == key.Addr() {
					return true
				}
			}
		}
		return false
	}
}

// Of several keys only those are queued whose eviction was not confirmed; this process forgets all of them.
func TestKeysThatAreNotConfirmedAreQueued(t *testing.T) {
	r := newRoom(t)
	a, b := r.keys.Cache("c").Key("a"), r.keys.Cache("c").Key("b")
	r.set(t, a, b)
	before := []tagversion.Count{r.changes.Read(a.Addr()), r.changes.Read(b.Addr())}
	r.lost = touches(b)
	err := r.Evict(t.Context(), a, b)
	require.ErrorIs(t, err, outbox.ErrQueued)
	require.ErrorContains(t, err, "1 of 2 keys")
	require.False(t, r.exists(t, a))
	require.False(t, r.outbox.Has(a.Addr()))
	require.True(t, r.outbox.Has(b.Addr()), "it may not be carried out")
	for _, count := range before {
		require.False(t, r.changes.Same(count))
	}
	require.EqualValues(t, 1, r.outbox.Stats().Remembered, "the confirmed one")
}

// The eviction of a tag whose bucket was not changed counts as failed: a load that knows the tag from its value looks at
// the bucket.
func TestATagIsQueuedIfItsBucketWasNotEvicted(t *testing.T) {
	r := newRoom(t)
	tag := r.keys.Tag("sale")
	var buckets []eviction.Key
	for i := range keyspace.TagBuckets {
		buckets = append(buckets, r.keys.TagBucket(i))
	}
	r.set(t, tag)
	r.lost = touches(buckets...)
	require.ErrorIs(t, r.Evict(t.Context(), tag), outbox.ErrQueued)
	require.True(t, r.outbox.Has(tag.Addr()))
	require.False(t, r.exists(t, tag), "it was evicted all the same")
}

func TestEvictionsAreCountedAndTracedByKind(t *testing.T) {
	r := newRoom(t)
	key, other := r.keys.Cache("c").Key("a"), r.keys.Cache("c").Key("b")
	require.NoError(t, r.Evict(t.Context(), key, other))
	require.NoError(t, r.Evict(t.Context(), r.keys.Tag("t")))
	require.NoError(t, r.Evict(t.Context(), r.keys.All("c")))
	require.NoError(t, r.Evict(t.Context(), r.keys.Everything(), key))
	require.NoError(t, r.Evict(t.Context()))
	r.set(t, key)
	require.NoError(t, r.Expire(t.Context(), key, other)) // there is nothing to expire of the other
	n, err := r.Matching(t.Context(), "c:*", nil)
	require.NoError(t, err)
	require.EqualValues(t, 1, n)
	require.Equal(t, eviction.Stats{Keys: 4, Tags: 1, All: 1, Everything: 1, Pattern: 1, Expired: 1}, r.Stats())
	require.Equal(t, []string{"key", "tag", "all", "mixed", "expire", "pattern"}, r.spans)
}

// Expire leaves the value, past its time. What can't be swapped is evicted.
func TestExpireKeepsTheValue(t *testing.T) {
	r := newRoom(t)
	value, lease := r.keys.Cache("c").Key("value"), r.keys.Cache("c").Key("lease")
	r.set(t, value)
	require.NoError(t, r.rdb.Set(t.Context(), lease.Addr(), envelope.NewLease(envelope.NewToken()), time.Hour).Err())
	was, err := r.rdb.Get(t.Context(), value.Addr()).Bytes()
	require.NoError(t, err)
	require.NoError(t, r.Expire(t.Context(), value, lease))
	raw, err := r.rdb.Get(t.Context(), value.Addr()).Bytes()
	require.NoError(t, err)
	before, err := envelope.Parse(was)
	require.NoError(t, err)
	after, err := envelope.Parse(raw)
	require.NoError(t, err)
	require.Zero(t, after.TTL)
	require.Equal(t, before.Payload, after.Payload)
	require.NotEqual(t, before.Token, after.Token, "a lease on the old version must not fill it")
	require.False(t, r.exists(t, lease))

	r.set(t, value)
	r.lost = func(cmd redis.Cmder) bool { return cmd.Name() == "get" }
	require.NoError(t, r.Expire(t.Context(), value))
	require.False(t, r.exists(t, value), "what could not be read is evicted")
}

// A replacement takes the place of a hold, unless another writer, an eviction or older data came in between.
func TestAReplacementNeedsAnUndisturbedHold(t *testing.T) {
	for name, tt := range map[string]struct {
		between func(*room, eviction.Key) error
		stored  bool
	}{
		"nothing":        {func(*room, eviction.Key) error { return nil }, true},
		"an eviction":    {func(r *room, key eviction.Key) error { return r.Evict(context.Background(), key) }, false},
		"another writer": {func(r *room, key eviction.Key) error { _, err := r.Hold(context.Background(), key); return err }, false},
		"older data":     {func(r *room, _ eviction.Key) error { r.outbox.Recall(); return nil }, false},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRoom(t)
			key := r.keys.Cache("c").Key("a")
			h, err := r.Hold(t.Context(), key)
			require.NoError(t, err)
			require.NoError(t, h.RenewOnce(t.Context()))
			require.NoError(t, tt.between(r, key))
			require.NoError(t, h.End(t.Context(), 0, eviction.Replacement{Key: key, Record: []byte("record"), TTL: time.Hour}))
			raw, err := r.rdb.Get(t.Context(), key.Addr()).Result()
			if tt.stored {
				require.NoError(t, err)
			}
			require.Equal(t, tt.stored, raw == "record", "%q", raw)
		})
	}
}

// The end of a hold that was not confirmed is repeated with its token and for the time that it was to stay.
func TestAHoldThatStaysIsQueuedWithItsTime(t *testing.T) {
	r := newRoom(t)
	key, other := r.keys.Cache("c").Key("a"), r.keys.Cache("c").Key("b")
	h, err := r.Hold(t.Context(), other)
	require.NoError(t, err)
	require.NoError(t, h.End(t.Context(), 0)) // from now on the server knows the scripts
	h, err = r.Hold(t.Context(), key)
	require.NoError(t, err)
	r.lost = touches(key)
	require.ErrorIs(t, h.End(t.Context(), time.Hour), outbox.ErrQueued)
	require.True(t, r.outbox.Has(key.Addr()))
	left, err := r.rdb.PTTL(t.Context(), key.Addr()).Result()
	require.NoError(t, err)
	require.Greater(t, left, 59*time.Minute)
}

func TestAClosedStoreEvictsNothing(t *testing.T) {
	r := newRoom(t)
	key := r.keys.Cache("c").Key("a")
	r.set(t, key)
	require.True(t, r.life.Close())
	require.NoError(t, r.Evict(t.Context(), key), "until all has ended that evicts")
	require.False(t, r.exists(t, key))
	r.set(t, key)
	r.life.Drain(t.Context())
	require.ErrorIs(t, r.Evict(t.Context(), key), lifecycle.ErrClosed)
	_, err := r.Hold(t.Context(), key)
	require.ErrorIs(t, err, lifecycle.ErrClosed)
	_, err = r.Matching(t.Context(), "*", nil)
	require.ErrorIs(t, err, lifecycle.ErrClosed)
	require.True(t, r.exists(t, key))
	require.True(t, r.outbox.Empty())
}

// Where one of several keys that may rest on each other is not confirmed, all are queued; and all are evicted also where Redis
// refuses to hold them, because it is full.
func TestWhatMayRestOnEachOtherIsEvictedTogether(t *testing.T) {
	r := newRoom(t)
	outer, inner := r.keys.Cache("outer").Key("k"), r.keys.Cache("inner").Key("k")
	require.NoError(t, r.Evict(t.Context(), outer, inner)) // from now on the server knows the scripts
	r.lost = touches(inner)
	require.ErrorIs(t, r.Evict(t.Context(), outer, inner), outbox.ErrQueued)
	require.True(t, r.outbox.Has(outer.Addr()) && r.outbox.Has(inner.Addr()))

	r = newRoom(t)
	r.set(t, outer, inner)
	ends := 0
	r.lost = nil
	r.refused = func(cmd redis.Cmder) error {
		for _, arg := range cmd.Args() {
			if arg == "place" {
				return refusal("OOM command not allowed")
			}
		}
		if touches(inner)(cmd) {
			ends++
		}
		return nil
	}
	require.NoError(t, r.Evict(t.Context(), outer, inner))
	require.False(t, r.exists(t, outer) || r.exists(t, inner))
	require.GreaterOrEqual(t, ends, 2, "each once more when both were evicted")
}

// refusal is an error that Redis has answered.
type refusal string

func (r refusal) Error() string { return string(r) }
func (refusal) RedisError()     {}
