package ratelimit

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestDenyCacheTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDenyCache(2)
		deny := func(key string, n int, retry time.Duration) {
			d.add(key, n, time.Now(), Result{RetryAfter: retry, NextAfter: retry, ResetAfter: time.Minute, Each: []Result{{RetryAfter: retry}}})
		}
		denied := func(key string, n int) bool {
			_, is := d.denies(key, n, time.Now())
			return is
		}
		deny("a", 3, 100*time.Millisecond)
		require.True(t, denied("a", 3))
		require.True(t, denied("a", 4))
		require.False(t, denied("a", 2))
		require.False(t, denied("b", 3))
		time.Sleep(99 * time.Millisecond)
		r, is := d.denies("a", 3, time.Now())
		require.True(t, is)
		require.Equal(t, time.Millisecond, r.RetryAfter, "the rest of it")
		require.Equal(t, time.Millisecond, r.Each[0].RetryAfter)
		require.Equal(t, time.Minute-99*time.Millisecond, r.ResetAfter)
		time.Sleep(time.Millisecond)
		require.False(t, denied("a", 3), "exactly when Redis would allow it")

		deny("a", 1, time.Hour)
		time.Sleep(denyFor)
		require.False(t, denied("a", 1), "a second at most")
		deny("a", 5, time.Minute)
		require.True(t, denied("a", 5))
		deny("a", 9, time.Minute)
		require.True(t, denied("a", 5), "a dearer one says nothing about it")
		deny("b", 1, time.Minute)
		deny("c", 1, time.Minute)
		require.False(t, denied("a", 5), "the oldest is forgotten")
		require.Equal(t, 2, d.denials.Len())
		d.remove("c")
		require.False(t, denied("c", 1))
		(*denyCache)(nil).add("a", 1, time.Now(), Result{})
		(*denyCache)(nil).remove("a")
	})
}
