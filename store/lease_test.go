package store_test

import (
	"bytes"
	"context"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/internal/entry"
	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/store"
)

func TestLoadIsStoredUnderItsLease(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		e := newEntry(t, rdb)
		other := e.elsewhere()
		require.Equal(t, "absent", e.sees())
		lease := e.acquire()
		require.Equal(t, "leased", other.sees())
		require.True(t, e.fill(lease, "one"))
		v := other.read()
		require.Equal(t, "value one", words(v))
		require.Less(t, v.Age(), time.Minute)
		left, err := rdb.PTTL(t.Context(), e.addr()).Result()
		require.NoError(t, err)
		require.Greater(t, left, ttl-time.Minute)
		require.LessOrEqual(t, left, ttl)
		require.Equal(t, "value one", other.waitsFor(), "who comes late receives the value instead of a lease")
	})
}

func TestNegativeResultIsStored(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		e := newEntry(t, rdb)
		confirmed, err := e.acquire().Store(t.Context(), entry.Contents{Negative: true, TTL: ttl})
		require.NoError(t, err)
		require.True(t, confirmed)
		require.Equal(t, "negative", e.sees())
	})
}

func TestGivingUpFreesTheEntry(t *testing.T) {
	for name, giveUp := range map[string]func(*entry.Lease, context.Context) (bool, error){
		"drop": (*entry.Lease).Release, "clear": (*entry.Lease).Remove,
	} {
		t.Run(name, func(t *testing.T) {
			redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
				e := newEntry(t, rdb)
				lease := e.acquire()
				confirmed, err := giveUp(lease, t.Context())
				require.NoError(t, err)
				require.True(t, confirmed)
				require.False(t, e.exists(e.addr()))
				require.False(t, e.fill(lease, "too late"))
				e.load("next")
			})
		})
	}
}

// A lease lapses with whatever changes the key: its load is neither stored nor confirmed.
func TestLeaseLapses(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(e *testEntry)
		left   string // what is there after the fill
	}{
		{"evicted", func(e *testEntry) { e.evict(e.Ref.Key) }, "absent"},
		{"evicted elsewhere", func(e *testEntry) { other := e.elsewhere(); other.evict(e.Ref.Key) }, "absent"},
		{"evicted and loaded by another", func(e *testEntry) { e.evict(e.Ref.Key); e.elsewhere().load("newer") }, "value newer"},
		{"evicted and leased by another", func(e *testEntry) { e.evict(e.Ref.Key); e.elsewhere().acquire() }, "leased"},
		{"put", func(e *testEntry) { e.put("newer") }, "value newer"},
		{"held", func(e *testEntry) { e.hold(e.Ref.Key) }, "held"},
		{"held for a moment", func(e *testEntry) { e.end(e.hold(e.Ref.Key)) }, "absent"},
		{"replaced", func(e *testEntry) { r := e.replacement("newer"); e.end(e.hold(e.Ref.Key), r) }, "value newer"},
		{"taken for a refresh", func(e *testEntry) {
			lease, _, err := e.elsewhere().AcquireForce(e.t.Context(), &e.Ref)
			require.NoError(e.t, err)
			require.NotNil(e.t, lease)
		}, "leased"},
		{"deleted", func(e *testEntry) { require.NoError(e.t, e.rdb.Del(e.t.Context(), e.addr()).Err()) }, "absent"},
		{"expired", func(e *testEntry) { require.NoError(e.t, e.rdb.PExpire(e.t.Context(), e.addr(), -1).Err()) }, "absent"},
		{"overwritten", func(e *testEntry) { require.NoError(e.t, e.rdb.Set(e.t.Context(), e.addr(), "x", ttl).Err()) }, "corrupt"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
				e := newEntry(t, rdb)
				lease := e.acquire()
				tt.change(e)
				renewed, err := lease.RenewOnce(t.Context())
				require.NoError(t, err)
				require.False(t, renewed)
				confirmed, err := lease.Release(t.Context())
				require.NoError(t, err)
				require.False(t, confirmed, "dropped")
				require.False(t, e.fill(lease, "older"), "filled")
				require.Equal(t, tt.left, e.sees())
			})
		})
	}
}

func (e *testEntry) put(payload string) {
	e.t.Helper()
	stored, err := e.Put(e.t.Context(), &e.Ref, result(payload))
	require.NoError(e.t, err)
	require.True(e.t, stored)
}

func TestForeignLeaseIsReturnedWithItsRemainingTime(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		e := newEntry(t, rdb, store.LeaseTime(time.Minute))
		e.acquire()
		lease, v, err := e.elsewhere().Acquire(t.Context(), &e.Ref, entry.Entry{})
		require.NoError(t, err)
		require.Nil(t, lease)
		require.Equal(t, entry.Leased, v.State)
		require.Greater(t, v.LeaseLeft(), 30*time.Second)
		require.LessOrEqual(t, v.LeaseLeft(), time.Minute)
	})
}

// Who overtakes does not wait for another loader, whose result it voids. A value, and a hold, it respects.
func TestOvertakeTakesTheLease(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		e := newEntry(t, rdb)
		overtake := func() (*entry.Lease, string) {
			lease, v, err := e.Overtake(t.Context(), &e.Ref, entry.Entry{})
			require.NoError(t, err)
			return lease, words(v)
		}
		loading := e.elsewhere().acquire()
		lease, _ := overtake()
		require.NotNil(t, lease)
		require.False(t, e.fill(loading, "older"))
		require.True(t, e.fill(lease, "newer"))
		lease, there := overtake()
		require.Nil(t, lease)
		require.Equal(t, "value newer", there)

		e.hold(e.Ref.Key)
		lease, there = overtake()
		require.Nil(t, lease)
		require.Equal(t, "held", there)
	})
}

func TestLeaseOfADeadLoaderIsTakenOver(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		if isMini(t) {
			t.Skip("its clock stands still; see the model")
		}
		e := newEntry(t, rdb, store.LeaseTime(30*time.Millisecond))
		dead := e.acquire()
		var lease *entry.Lease
		require.Eventually(t, func() bool {
			var err error
			lease, _, err = e.Acquire(t.Context(), &e.Ref, entry.Entry{})
			return err == nil && lease != nil
		}, soon, often)
		require.False(t, e.fill(dead, "from the dead"))
	})
}

// A lease that somebody made persistent would keep everybody waiting.
func TestLeaseWithoutEndIsNobodys(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		e := newEntry(t, rdb)
		old := e.acquire()
		require.NoError(t, rdb.Persist(t.Context(), e.addr()).Err())
		other := e.elsewhere()
		lease := other.acquire()
		require.False(t, e.fill(old, "old"))
		require.True(t, other.fill(lease, "new"))
	})
}

func TestRenewRenewsTheLease(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		t.Parallel() // it is time that it takes
		const leaseTime = 3 * time.Second
		e := newEntry(t, rdb, store.LeaseTime(leaseTime))
		lease := e.acquire()
		stop, stopped := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(stopped)
			e.EachRenewal(t.Context(), stop, func() bool { e.RenewAll(t.Context(), []*entry.Lease{lease}); return true })
		}()
		for range 2 {
			// Longer than a lease is given: the next renewal shortens it.
			require.NoError(t, rdb.PExpire(t.Context(), e.addr(), ttl).Err())
			require.Eventually(t, func() bool {
				left, err := rdb.PTTL(t.Context(), e.addr()).Result()
				return err == nil && left > 0 && left <= leaseTime
			}, soon, often, "not renewed")
		}
		close(stop)
		done(t, stopped, "Keep returns")
		require.True(t, e.fill(lease, "one"))
	})
}

// Redis is not asked again to renew what is lost.
func TestWhatIsLostIsNotRenewed(t *testing.T) {
	for name, leased := range map[string]func(e *testEntry) *entry.Lease{
		"the lease is lost": func(e *testEntry) *entry.Lease { c := e.acquire(); e.evict(e.Ref.Key); return c },
		"a refresh by hand has no lease": func(e *testEntry) *entry.Lease {
			e.load("one")
			c, _, err := e.AcquireForce(e.t.Context(), &e.Ref)
			require.NoError(e.t, err)
			return c
		},
	} {
		t.Run(name, func(t *testing.T) {
			redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
				var sent redistest.Commands
				e := newEntry(t, rdb, store.Hooks(sent.Hook()))
				leases := []*entry.Lease{leased(e), nil}
				e.RenewAll(t.Context(), leases) // finds out
				before := sent.Count("evalsha", "eval")
				for range 3 {
					e.RenewAll(t.Context(), leases)
				}
				require.Zero(t, sent.Count("evalsha", "eval")-before)
			})
		})
	}
}

func TestLargeValue(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		e := newEntry(t, rdb, store.Timeout(time.Minute), store.LeaseTime(time.Minute))
		large := bytes.Repeat([]byte("0123456789"), 2<<20)
		e.load(string(large))
		lease, v, err := e.AcquireForce(t.Context(), &e.Ref)
		require.NoError(t, err)
		require.True(t, bytes.Equal(large, v.Payload()))
		require.True(t, e.fill(lease, "small"))
		e.evict(e.Ref.Key)
		require.Equal(t, "absent", e.sees())
	})
}
