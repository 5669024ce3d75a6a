package entry

import (
	"slices"
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/internal/redistest"
)

// What was read while Redis came back with older data may be what was evicted, and a lease may be one that an eviction had
// ended.
func TestNothingIsUsedThatWasReadWhileTheDataChanged(t *testing.T) {
	var all *Entries
	during := "" // the command during which the data change
	hook := redistest.Before(func(cmds []redis.Cmder) {
		if during != "" && slices.ContainsFunc(cmds, func(c redis.Cmder) bool { return c.Name() == during }) {
			during = ""
			all.cfg.Outbox.Recall()
		}
	})
	rdb := redis.NewClient(&redis.Options{Addr: redistest.Mini(t).Addr()})
	t.Cleanup(func() { require.NoError(t, rdb.Close()) })
	all = rooms(t, rdb, hook)
	c := all.Cache("cache", schema, ttl)
	ref, other := c.Ref(c.Key("k"), []string{"a"}), c.Ref(c.Key("other"), nil)
	load(t, c, &ref, Contents{Payload: []byte("old"), TTL: ttl})

	during = "mget"
	e, err := c.Read(t.Context(), &ref)
	require.NoError(t, err)
	require.Equal(t, bypass(DataChanged), e)

	during = "mget"
	entries, errs := c.ReadAll(t.Context(), []*Ref{&ref, &other})
	require.Equal(t, []Entry{bypass(DataChanged), bypass(DataChanged)}, entries)
	require.Equal(t, make([]error, 2), errs)

	during = "evalsha"
	lease, e, err := c.Acquire(t.Context(), &other, Entry{})
	require.NoError(t, err)
	require.Nil(t, lease)
	require.Equal(t, bypass(DataChanged), e)
	exists, err := rdb.Exists(t.Context(), other.Addr()).Result()
	require.NoError(t, err)
	require.Zero(t, exists, "the lease was given back")

	e, err = c.Read(t.Context(), &ref)
	require.NoError(t, err)
	require.Equal(t, Value, e.State)

	lease, _, err = c.Acquire(t.Context(), &other, Entry{})
	require.NoError(t, err)
	all.cfg.Outbox.Recall()
	stored, err := lease.Store(t.Context(), Contents{Payload: []byte("old"), TTL: ttl})
	require.NoError(t, err)
	require.False(t, stored, "nor is the result of a load that began before")
	e, err = c.Read(t.Context(), &other)
	require.NoError(t, err)
	require.Equal(t, Absent, e.State)
}
