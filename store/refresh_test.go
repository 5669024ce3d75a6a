package store_test

import (
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/internal/entry"
	"github.com/jollyjet/aside/internal/redistest"
)

// over is a lease for a refresh by hand.
func (e *testEntry) over() (*entry.Lease, entry.Entry) {
	e.t.Helper()
	lease, v, err := e.AcquireForce(e.t.Context(), &e.Ref)
	require.NoError(e.t, err)
	return lease, v
}

// ahead is a lease for a refresh of what is there.
func (e *testEntry) ahead() (*entry.Lease, entry.Entry) {
	e.t.Helper()
	lease, v, err := e.AcquireStale(e.t.Context(), &e.Ref, e.read(), true)
	require.NoError(e.t, err)
	return lease, v
}

var refreshes = map[string]func(e *testEntry) (*entry.Lease, entry.Entry){
	"by hand": (*testEntry).over,
	"ahead":   (*testEntry).ahead,
}

func eachRefresh(t *testing.T, test func(t *testing.T, e *testEntry, lease func(e *testEntry) (*entry.Lease, entry.Entry))) {
	for name, lease := range refreshes {
		t.Run(name, func(t *testing.T) {
			redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) { test(t, newEntry(t, rdb), lease) })
		})
	}
}

func TestRefreshLeavesTheValueReadable(t *testing.T) {
	eachRefresh(t, func(t *testing.T, e *testEntry, claimOn func(e *testEntry) (*entry.Lease, entry.Entry)) {
		e.load("one")
		other := e.elsewhere()
		lease, _ := claimOn(e)
		require.NotNil(t, lease)
		require.Equal(t, "value one", other.sees())
		require.Equal(t, "value one", other.waitsFor())
		require.True(t, e.fill(lease, "two"))
		require.Equal(t, "value two", other.sees())
	})
}

func TestRefreshThatIsGivenUpLeavesTheValue(t *testing.T) {
	eachRefresh(t, func(t *testing.T, e *testEntry, claimOn func(e *testEntry) (*entry.Lease, entry.Entry)) {
		e.load("one")
		lease, _ := claimOn(e)
		confirmed, err := lease.Release(t.Context())
		require.NoError(t, err)
		require.True(t, confirmed)
		require.Equal(t, "value one", e.sees())

		lease, _ = claimOn(e)
		require.NotNil(t, lease, "and the next may try")
		e.evict(e.st.Tag("tag"))
		confirmed, err = lease.Release(t.Context())
		require.NoError(t, err)
		require.False(t, confirmed)
	})
}

// meanwhile is what can happen to an entry during a refresh, and what it leaves.
var meanwhile = []struct {
	name   string
	change func(e *testEntry)
	left   string
}{
	{"evicted", func(e *testEntry) { e.evict(e.Ref.Key) }, "absent"},
	{"put", func(e *testEntry) { e.put("newer") }, "value newer"},
	{"evicted and loaded", func(e *testEntry) { e.evict(e.Ref.Key); e.load("newer") }, "value newer"},
	{"refreshed by hand", func(e *testEntry) { c, _ := e.over(); e.fill(c, "newer") }, "value newer"},
	{"held", func(e *testEntry) { e.hold(e.Ref.Key) }, "held"},
	{"replaced", func(e *testEntry) { r := e.replacement("newer"); e.end(e.hold(e.Ref.Key), r) }, "value newer"},
	{"deleted", func(e *testEntry) { require.NoError(e.t, e.rdb.Del(e.t.Context(), e.addr()).Err()) }, "absent"},
	{"its tag evicted", func(e *testEntry) { e.evict(e.st.Tag("tag")) }, "evicted"},
	{"its cache evicted", func(e *testEntry) { e.evict(e.All()) }, "evicted"},
}

// What has happened to the entry since the refresh began is not undone by it.
func TestRefreshStoresOnlyOverWhatItSaw(t *testing.T) {
	for _, tt := range meanwhile {
		t.Run(tt.name, func(t *testing.T) {
			eachRefresh(t, func(t *testing.T, e *testEntry, claimOn func(e *testEntry) (*entry.Lease, entry.Entry)) {
				e.load("one")
				lease, _ := claimOn(e)
				tt.change(e)
				require.False(t, e.fill(lease, "older"))
				require.Equal(t, tt.left, e.sees())
			})
		})
	}
}

// A refresh whose value is not to be stored removes the version that it saw, and nothing else.
func TestRefreshThatIsClearedRemovesWhatItSaw(t *testing.T) {
	eachRefresh(t, func(t *testing.T, e *testEntry, claimOn func(e *testEntry) (*entry.Lease, entry.Entry)) {
		e.load("one")
		lease, _ := claimOn(e)
		confirmed, err := lease.Remove(t.Context())
		require.NoError(t, err)
		require.True(t, confirmed)
		require.Equal(t, "absent", e.elsewhere().sees())
		require.False(t, e.exists(e.addr()+":r"), "no lease is left behind")
		e.load("next")
	})
	for _, tt := range meanwhile {
		t.Run(tt.name, func(t *testing.T) {
			eachRefresh(t, func(t *testing.T, e *testEntry, claimOn func(e *testEntry) (*entry.Lease, entry.Entry)) {
				e.load("one")
				lease, _ := claimOn(e)
				tt.change(e)
				confirmed, err := lease.Remove(t.Context())
				require.NoError(t, err)
				require.False(t, confirmed)
				if tt.left != "evicted" { // an entry of an evicted tag is of no use to anybody
					require.Equal(t, tt.left, e.sees())
				}
			})
		})
	}
}

// A refresh by hand does not wait for another loader, whose result it voids. A hold it respects.
func TestRefreshByHandTakesTheLease(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		e := newEntry(t, rdb)
		loading := e.acquire()
		lease, _ := e.elsewhere().over()
		require.NotNil(t, lease)
		require.False(t, e.fill(loading, "older"))
		require.True(t, e.fill(lease, "newer"))
		require.Equal(t, "value newer", e.sees())

		e.hold(e.Ref.Key)
		lease, v := e.over()
		require.Nil(t, lease)
		require.Equal(t, entry.Bypass, v.State)
	})
}

// Of the refreshes ahead of time there is one in the whole fleet, and one that failed keeps the others from trying.
func TestRefreshAheadIsOneForAll(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		e := newEntry(t, rdb)
		other := e.elsewhere()
		e.load("one")
		lease, _ := e.ahead()
		require.NotNil(t, lease)
		second, v := other.ahead()
		require.Nil(t, second)
		require.Equal(t, entry.Leased, v.State)
		require.Positive(t, v.LeaseLeft())

		_, err := lease.Cooldown(t.Context(), time.Minute)
		require.NoError(t, err)
		second, v = other.ahead()
		require.Nil(t, second)
		require.Equal(t, entry.Value, v.State)
		require.Greater(t, v.Cooldown(), 30*time.Second)
		lease, _, err = other.AcquireStale(t.Context(), &other.Ref, other.read(), false)
		require.NoError(t, err)
		require.NotNil(t, lease, "who does not heed it")
		_, err = lease.Cooldown(t.Context(), time.Minute)
		require.NoError(t, err)

		require.NoError(t, e.Expire(t.Context(), e.Ref.Key))
		lease, _ = other.ahead()
		require.NotNil(t, lease, "it is about the version that was there")
		_, err = lease.Cooldown(t.Context(), time.Minute)
		require.NoError(t, err)
		second, v = e.ahead()
		require.Nil(t, second)
		require.Equal(t, entry.Stale, v.State)
		require.Greater(t, v.Cooldown(), 30*time.Second)
		e.put("new")
		lease, _ = e.ahead()
		require.NotNil(t, lease)
		_, err = lease.Release(t.Context())
		require.NoError(t, err)

		e.evict(e.Ref.Key)
		other.load("two")
		require.Equal(t, "value two", e.sees(), "a cooldown does not keep what is absent from being loaded")
	})
}

// A refresh whose value is gone when it asks is told what is there instead.
func TestRefreshOfWhatIsGone(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(e *testEntry)
		want   string
	}{
		{"evicted", func(e *testEntry) { e.evict(e.Ref.Key) }, "absent"},
		{"replaced", func(e *testEntry) { e.put("newer") }, "value newer"},
		{"held", func(e *testEntry) { e.hold(e.Ref.Key) }, "held"},
		{"its tag held", func(e *testEntry) { e.hold(e.st.Tag("tag")) }, "held"},
		{"its tag evicted", func(e *testEntry) { e.evict(e.st.Tag("tag")) }, "evicted"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
				e := newEntry(t, rdb)
				e.load("one")
				seen := e.read()
				tt.change(e)
				lease, v, err := e.AcquireStale(t.Context(), &e.Ref, seen, true)
				require.NoError(t, err)
				require.Nil(t, lease)
				require.Equal(t, tt.want, words(v))
				require.False(t, e.exists(e.addr()+":r"), "no lease is left behind")
			})
		})
	}
}
