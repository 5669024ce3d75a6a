package keyspace_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/jollyjet/aside/internal/keyspace"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestKindOfAnEvictionAllocatesNothing(t *testing.T) {
	k := keyspace.New("a-namespace-that-is-longer-than-thirty-two-bytes")
	for key, kind := range map[keyspace.Key]keyspace.Kind{
		k.Cache("all").Key("#tag:x"): keyspace.KindKey,
		k.Tag("x"):                   keyspace.KindTag,
		k.All("x"):                   keyspace.KindAll,
		k.Everything():               keyspace.KindEverything,
	} {
		require.Equal(t, kind, k.KindOf(key), key)
		require.Zero(t, testing.AllocsPerRun(100, func() { k.KindOf(key) }))
	}
}

// The names are a contract with other versions of the program that use the same Redis.
func TestNamesDoNotChange(t *testing.T) {
	k := keyspace.New("shop")
	require.Equal(t, "shop:{product:42}", k.Cache("product").Key("42").String())
	require.Equal(t, "shop:{product:a%2Cb,%7B}", k.Cache("product").Key("a,b", "{").String())
	require.Equal(t, "shop:{#tag:sale%20now}", k.Tag("sale now").String())
	require.Equal(t, "shop:{#tags:15}", k.TagBucket(15).String())
	require.Equal(t, "shop:{#all:product}", k.All("product").String())
	require.Equal(t, "shop:{#everything}", k.Everything().String())
	require.Equal(t, "shop:#bookmark:{orders}", k.Checkpoint("orders"))
	require.Equal(t, "shop:{#probe:x}", k.Probe("x"))
	long := make([]byte, 201)
	for i := range long {
		long[i] = 'x'
	}
	key := k.Cache("product").Key(string(long))
	require.Regexp(t, `^shop:\{product:~[0-9a-f]{64}\}$`, key.String())
	require.Equal(t, string(long), key.Full())
	again, ok := k.Cache("product").Unhash(key.Addr(), key.Full())
	require.True(t, ok)
	require.Equal(t, key, again)
	_, ok = k.Cache("product").Unhash(key.Addr(), "other")
	require.False(t, ok)
}
