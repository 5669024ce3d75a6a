package histogram_test

import (
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/internal/histogram"
)

func TestEachDurationIsCountedOnce(t *testing.T) {
	h := histogram.New(5*time.Millisecond, 10*time.Millisecond, time.Second)
	for _, d := range []time.Duration{0, 5 * time.Millisecond, 5*time.Millisecond + 1, time.Second, time.Hour} {
		h.Observe(d)
	}
	require.Equal(t, histogram.Durations{
		Count: 5,
		Sum:   time.Hour + time.Second + 10*time.Millisecond + 1,
		UpTo:  map[time.Duration]int64{5 * time.Millisecond: 2, 10 * time.Millisecond: 3, time.Second: 4}, // a bound belongs to its bucket
	}, h.Read())
	require.Zero(t, testing.AllocsPerRun(100, func() { h.Observe(time.Second) }))
}

// Prometheus refuses a histogram with more in a bucket than in all.
func TestItAgreesWithItselfWhileItIsUsed(t *testing.T) {
	bounds := []time.Duration{time.Millisecond, time.Second}
	h := histogram.New(bounds...)
	var wg sync.WaitGroup
	stop := make(chan struct{})
	for range 4 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					h.Observe(20 * time.Second)
					h.Observe(time.Microsecond)
				}
			}
		})
	}
	for range 1000 {
		d := h.Read()
		require.True(t, slices.IsSorted([]int64{d.UpTo[bounds[0]], d.UpTo[bounds[1]], d.Count}), "%+v", d)
	}
	close(stop)
	wg.Wait()
}
