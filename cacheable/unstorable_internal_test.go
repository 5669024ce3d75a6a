package cacheable

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/internal/keyspace"
	"github.com/jollyjet/aside/store"
)

func key(i int) store.Key { return keyspace.At(fmt.Sprint("k", i)) }

// failUntilPause has a key fail until it pauses, and returns how often.
func failUntilPause(u *unstorable, k store.Key) (n int) {
	for !u.pauses(k) {
		u.failed(k)
		n++
	}
	return n
}

func TestAKeyThatFailsPausesForLongerAndLonger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := &unstorable{}
		require.False(t, u.suspects(key(1)))
		require.Equal(t, patience, failUntilPause(u, key(1)))
		require.True(t, u.suspects(key(1)))
		for pause := firstUnstorable; pause < longUnstorable; pause *= 2 {
			u.failed(key(1)) // during the pause: does not count
			time.Sleep(pause - 1)
			require.True(t, u.pauses(key(1)), pause)
			require.False(t, u.pauses(key(2)))
			time.Sleep(time.Nanosecond)
			require.Equal(t, 1, failUntilPause(u, key(1)))
		}
		time.Sleep(longUnstorable)
		require.False(t, u.pauses(key(1)), "the longest")
		u.worked(key(1))
		require.False(t, u.suspects(key(1)))
		require.Equal(t, patience, failUntilPause(u, key(1)), "from the beginning")
	})
}

// One bad value, or some among many, say nothing of the others.
func TestTheCachePausesWhenManyKeysInARowFail(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := &unstorable{}
		for range 10 * manyKeys {
			u.failed(key(0))
			time.Sleep(longUnstorable)
		}
		require.False(t, u.pauses(key(-1)), "always the same key")
		for i := range 10 * manyKeys {
			if u.failed(key(i)); i%(manyKeys-1) == 0 {
				require.True(t, u.suspects(key(-1)), "while some fail all are looked at")
				u.worked(key(-1))
				require.False(t, u.suspects(key(-1)))
			}
		}
		require.False(t, u.pauses(key(-1)), "others are stored in between")
		u.worked(key(-1))
		for i := range manyKeys - 1 {
			u.failed(key(1_000 + i))
		}
		require.False(t, u.pauses(key(-1)))
		u.failed(key(2_000))
		require.True(t, u.pauses(key(-1)), "every key")
		time.Sleep(firstUnstorable)
		require.False(t, u.pauses(key(-1)), "tried again")
		u.failed(key(2_001))
		time.Sleep(2*firstUnstorable - 1)
		require.True(t, u.pauses(key(-1)), "a longer pause")
		u.worked(key(-1))
		require.False(t, u.pauses(key(-1)))
	})
}

func TestFailingKeysAreBounded(t *testing.T) {
	u := &unstorable{}
	for i := range 2 * maxUnstorable {
		u.failed(key(i))
	}
	require.LessOrEqual(t, len(u.keys), maxUnstorable)
	u.worked(key(-1))
	require.EqualValues(t, len(u.keys), u.n.Load())
	u.suspect(key(-2))
	require.True(t, u.suspects(key(-2)))
	require.False(t, u.pauses(key(-2)))
}
