package eviction_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A hold lasts until its writer ends it or its own time is over, whoever else comes, renews or goes.
func TestNoWriterCutsAnothersHoldShort(t *testing.T) {
	r := newRoom(t)
	key := r.keys.Cache("c").Key("k")
	left := func() time.Duration {
		d, err := r.rdb.PTTL(t.Context(), key.Addr()).Result()
		require.NoError(t, err)
		return d
	}
	first, err := r.Hold(t.Context(), key)
	require.NoError(t, err)
	long, err := r.Hold(t.Context(), key)
	require.NoError(t, err)
	require.NoError(t, long.End(t.Context(), time.Hour), "it stays for an hour")
	require.Greater(t, left(), 50*time.Minute)

	short, err := r.Hold(t.Context(), key)
	require.NoError(t, err)
	require.Greater(t, left(), 50*time.Minute, "another came")
	require.NoError(t, first.RenewOnce(t.Context()))
	require.Greater(t, left(), 50*time.Minute, "another was renewed")
	require.NoError(t, first.End(t.Context(), 0))
	require.Greater(t, left(), 50*time.Minute, "another ended")
	require.NoError(t, short.End(t.Context(), time.Second))
	require.Greater(t, left(), 50*time.Minute, "another stays for less")
}
