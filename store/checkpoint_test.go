package store_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/internal/checkpoint"
	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/store"
)

func take(t *testing.T, st *store.Store) *checkpoint.Checkpoint {
	t.Helper()
	p, err := st.Engine().Checkpoints.Take(t.Context(), "orders")
	require.NoError(t, err)
	return p
}

func taken(t *testing.T, st *store.Store) {
	t.Helper()
	_, err := st.Engine().Checkpoints.Take(t.Context(), "orders")
	require.ErrorIs(t, err, checkpoint.ErrTaken)
}

// kept reads what is stored of a checkpoint.
func kept(t *testing.T, rdb redis.UniversalClient, namespace string) map[string]string {
	t.Helper()
	fields, err := rdb.HGetAll(t.Context(), checkpointAddr(namespace)).Result()
	require.NoError(t, err)
	return fields
}

func checkpointAddr(namespace string) string { return namespace + ":#bookmark:{orders}" }

func TestACheckpointHasOneOwner(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		namespace := redistest.Unique(t)
		a, b := open(t, rdb, store.Namespace(namespace)), open(t, rdb, store.Namespace(namespace))
		first := take(t, a)
		require.Empty(t, first.At())
		taken(t, b)
		taken(t, a)
		other, err := b.Engine().Checkpoints.Take(t.Context(), "other")
		require.NoError(t, err, "checkpoints of other names are others")
		require.NoError(t, other.Save(t.Context(), "elsewhere"))

		binary := "\x00\xff\r\n" + strings.Repeat("x", 5000)
		require.NoError(t, first.Save(t.Context(), "one"))
		require.NoError(t, first.Save(t.Context(), binary))
		require.Equal(t, binary, first.At())
		life, err := rdb.PTTL(t.Context(), checkpointAddr(namespace)).Result()
		require.NoError(t, err)
		require.Greater(t, life, 29*24*time.Hour)

		require.NoError(t, first.Release(t.Context()))
		second := take(t, b)
		require.Equal(t, binary, second.At())
		require.ErrorIs(t, first.Save(t.Context(), "late"), checkpoint.ErrTaken)
		require.ErrorIs(t, first.Release(t.Context()), checkpoint.ErrTaken)
		taken(t, a)
		require.Equal(t, binary, kept(t, rdb, namespace)["at"])
	})
}

// While its owner lives a checkpoint is not taken, and when that has died it is as soon as the lease is over.
func TestTheBookmarkOfADeadOwnerIsTaken(t *testing.T) {
	const lease = 2 * time.Second // which a busy machine does not let run out between two renewals
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		t.Parallel() // it is time that it takes
		namespace := redistest.Unique(t)
		a := open(t, rdb, store.Namespace(namespace), store.LeaseTime(lease))
		b := open(t, rdb, store.Namespace(namespace), store.LeaseTime(lease))
		first := take(t, a)
		require.NoError(t, first.Save(t.Context(), "one"))
		ctx, die := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- first.Renew(ctx) }()
		for began := time.Now(); time.Since(began) < 5*lease/4; time.Sleep(lease / 20) {
			taken(t, b)
		}
		die()
		require.NoError(t, <-ended)
		require.Eventually(t, func() bool {
			second, err := b.Engine().Checkpoints.Take(t.Context(), "orders")
			return err == nil && second.At() == "one"
		}, soon, often)
		require.ErrorIs(t, first.Renew(t.Context()), checkpoint.ErrTaken, "the lease was lost")
	})
}

// A command that arrives after those sent later changes nothing.
func TestALateSaveDoesNotMoveTheBookmarkBack(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		namespace := redistest.Unique(t)
		var last []any
		st := open(t, rdb, store.Namespace(namespace), store.Hooks(redistest.Before(func(cmds []redis.Cmder) {
			if len(cmds) == 1 && strings.HasPrefix(cmds[0].Name(), "eval") {
				last = cmds[0].Args()
			}
		})))
		p := take(t, st)
		require.NoError(t, p.Save(t.Context(), "one"))
		late := last
		require.NoError(t, p.Save(t.Context(), "two"))
		require.NoError(t, rdb.Do(t.Context(), late...).Err())
		require.Equal(t, "two", kept(t, rdb, namespace)["at"])
		require.NoError(t, p.Save(t.Context(), "three"))
		require.Equal(t, "three", kept(t, rdb, namespace)["at"])
	})
}

// Where Redis has forgotten what it had confirmed the owner learns that, from Save, Keep and Release.
func TestABookmarkThatRedisForgotIsLost(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		for name, forget := range map[string]func(addr string, older map[string]string){
			"all":       func(addr string, _ map[string]string) { rdb.Del(t.Context(), addr) },
			"the last":  func(addr string, older map[string]string) { rdb.HSet(t.Context(), addr, older) },
			"its owner": func(addr string, _ map[string]string) { rdb.HSet(t.Context(), addr, "owner", "somebody") },
		} {
			t.Run(name, func(t *testing.T) {
				namespace := redistest.Unique(t)
				st := open(t, rdb, store.Namespace(namespace), store.LeaseTime(30*time.Millisecond))
				p := take(t, st)
				require.NoError(t, p.Save(t.Context(), "one"))
				older := kept(t, rdb, namespace)
				require.NoError(t, p.Save(t.Context(), "two"))
				forget(checkpointAddr(namespace), older)
				require.ErrorIs(t, p.Save(t.Context(), "three"), checkpoint.ErrTaken)
				require.ErrorIs(t, p.Renew(t.Context()), checkpoint.ErrTaken)
				require.ErrorIs(t, p.Release(t.Context()), checkpoint.ErrTaken)
			})
		}
	})
}

// What could not be saved is saved by Keep.
func TestWhatCouldNotBeSavedIsSavedLater(t *testing.T) {
	server := redistest.Start(t)
	proxy := redistest.StartProxy(t, server.Addr())
	namespace := redistest.Unique(t)
	rdb := redis.NewClient(&redis.Options{Addr: proxy.Addr()})
	t.Cleanup(func() { require.NoError(t, rdb.Close()) })
	st := open(t, rdb, store.Namespace(namespace), store.LeaseTime(300*time.Millisecond))
	p := take(t, st)
	require.NoError(t, p.Save(t.Context(), "one"))
	proxy.Cut()
	require.ErrorIs(t, p.Save(t.Context(), "two"), store.ErrUnavailable) // it may have been on its way
	require.ErrorIs(t, p.Save(t.Context(), "three"), store.ErrUnavailable)
	direct := server.Client(t)
	require.NotEqual(t, "three", kept(t, direct, namespace)["at"])
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- p.Renew(ctx) }()
	proxy.Heal()
	require.Eventually(t, func() bool { return kept(t, direct, namespace)["at"] == "three" }, soon, often)
	stop()
	require.NoError(t, <-ended)
}

// Something else under the key is no reason to stand still.
func TestACheckpointReplacesWhatIsNoCheckpoint(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		namespace := redistest.Unique(t)
		st := open(t, rdb, store.Namespace(namespace))
		require.NoError(t, rdb.Set(t.Context(), checkpointAddr(namespace), "foreign", 0).Err())
		p := take(t, st)
		require.NoError(t, p.Save(t.Context(), "one"))
		require.NoError(t, rdb.Set(t.Context(), checkpointAddr(namespace), "foreign", 0).Err())
		require.ErrorIs(t, p.Save(t.Context(), "two"), checkpoint.ErrTaken)
	})
}

func TestAClosedStoreHasNoCheckpoints(t *testing.T) {
	rdb := redis.NewClient(&redis.Options{Addr: redistest.Mini(t).Addr()})
	defer func() { require.NoError(t, rdb.Close()) }()
	st := open(t, rdb)
	p := take(t, st)
	require.NoError(t, st.Close())
	require.ErrorIs(t, p.Save(t.Context(), "one"), store.ErrClosed)
	_, err := st.Engine().Checkpoints.Take(t.Context(), "orders")
	require.ErrorIs(t, err, store.ErrClosed)
}
