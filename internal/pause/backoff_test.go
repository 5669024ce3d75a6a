package pause_test

import (
	"context"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/internal/pause"
)

// between requires the next pause to be half to one and a half of d.
func between(t *testing.T, d, got time.Duration) {
	t.Helper()
	require.GreaterOrEqual(t, got, d/2)
	require.Less(t, got, d/2+d)
}

func TestBackoffGrowsUpToItsMost(t *testing.T) {
	b := pause.Backoff{Least: 10 * time.Millisecond, Most: 50 * time.Millisecond}
	for range 2 {
		for _, ms := range []time.Duration{10, 20, 40, 50, 50} {
			between(t, ms*time.Millisecond, b.Next())
		}
		b.Reset()
	}
	b.Longest()
	between(t, 50*time.Millisecond, b.Next())
	b.Most = 5 * time.Millisecond
	between(t, 5*time.Millisecond, b.Next())

	b = pause.Backoff{Least: 8 * time.Millisecond, Most: time.Second, Factor: 1.5}
	for _, ms := range []time.Duration{8, 12, 18, 27} {
		between(t, ms*time.Millisecond, b.Next())
	}
	var none pause.Backoff
	require.Zero(t, none.Next())

	long := pause.Backoff{Least: math.MaxInt64 / 4, Most: math.MaxInt64 / 2}
	for range 9 {
		require.Positive(t, long.Next(), "no overflow")
	}
}

func TestBackoffIsLeftToChance(t *testing.T) {
	seen := make(map[time.Duration]bool)
	for range 20 {
		b := pause.Backoff{Least: time.Second, Most: time.Second}
		seen[b.Next()] = true
	}
	require.Greater(t, len(seen), 1)
}

func TestBackoffWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := pause.Backoff{Least: time.Hour, Most: 2 * time.Hour}
		began := time.Now()
		require.True(t, b.Wait(t.Context()))
		between(t, time.Hour, time.Since(began))

		wake := make(chan struct{}, 1)
		wake <- struct{}{}
		began = time.Now()
		require.True(t, b.WaitUntil(t.Context(), wake))
		require.Zero(t, time.Since(began))

		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		require.False(t, b.Wait(ctx))
		require.Equal(t, time.Minute, time.Since(began))
	})
}

func TestAfterDoublesWithEachFailure(t *testing.T) {
	for failures, want := range map[int]time.Duration{
		0: time.Second, 1: time.Second, 2: 2 * time.Second, 3: 4 * time.Second, 4: 5 * time.Second, math.MaxInt: 5 * time.Second,
	} {
		require.Equal(t, want, pause.After(failures, time.Second, 5*time.Second), failures)
	}
}
