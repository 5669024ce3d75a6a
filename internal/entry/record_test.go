package entry

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/internal/envelope"
)

func TestHowLongContentsAreKept(t *testing.T) {
	for _, tt := range []struct{ ttl, extra, idle, want time.Duration }{
		{10, 0, 0, 10}, {10, 5, 0, 15}, {10, 5, 3, 3}, {10, 5, 12, 12}, {10, 5, 20, 15}, {10, 0, 20, 10},
	} {
		r := Contents{TTL: tt.ttl, Extra: tt.extra, Idle: tt.idle}
		require.Equal(t, tt.want, r.lifetime(), "%+v", r)
	}
}

// The age of a value counts from when its load began, its time to live from when it is stored.
func TestARecordsTimeToLiveBeginsWhenItIsStored(t *testing.T) {
	c := nowhere(t).Cache("cache", schema, ttl)
	ref := c.Ref(c.Key("k"), nil)
	numbers := append(version[:], version[:]...)
	created := c.cfg.Wire.Clock.Now() - int64(90*time.Second/time.Microsecond)
	raw := c.record(&ref, numbers, created, Contents{Payload: []byte("x"), TTL: time.Minute, Extra: time.Hour, Cost: time.Second})
	e, err := envelope.Parse(raw)
	require.NoError(t, err)
	require.Equal(t, created, e.Created)
	require.InDelta(t, (150 * time.Second).Seconds(), e.TTL.Seconds(), 10)
	require.Equal(t, time.Second, e.Cost)
	require.EqualValues(t, schema, e.Schema)
	require.Equal(t, numbers, e.Versions)
	_, written := c.Counters.Bytes()
	require.EqualValues(t, len(raw), written)

	raw = c.record(&ref, numbers, created, Contents{Negative: true, TTL: time.Minute})
	read := c.evaluate(&ref, raw, true, answered(c, &ref, current))
	require.Equal(t, Negative, read.State)
	require.True(t, read.Absence())
	require.NotEqual(t, e.Token, read.record.Token, "no two records have the same token")
}

func TestTagsOfARefAreASet(t *testing.T) {
	c := nowhere(t).Cache("cache", schema, ttl)
	key := c.Key("k")
	require.Equal(t, c.Ref(key, []string{"a", "b"}), c.Ref(key, []string{"b", "a", "b"}))
	require.Equal(t, c.Ref(key, nil), c.Ref(key, []string{}))
	require.NotEqual(t, c.Ref(key, []string{"a"}), c.Ref(key, []string{"a", "b"}))

	ref := c.Ref(key, []string{"b", "a"})
	all, added := c.withTags(&ref, []string{"c", "a", "d", "c"})
	require.Equal(t, []string{"c", "d"}, all.names, "those that the key tells already are not named again")
	require.Equal(t, []string{"n:{#tag:c}", "n:{#tag:d}"}, added)
	require.Equal(t, []string{"n:{#tag:a}", "n:{#tag:b}", "n:{#tag:c}", "n:{#tag:d}"}, all.tags)
	require.Len(t, ref.tags, 2, "it belongs to others, too")
}
