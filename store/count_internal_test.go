package store

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestHistogramCountsEachDurationOnce(t *testing.T) {
	var h histogram
	for _, d := range []time.Duration{0, 5 * time.Millisecond, 5*time.Millisecond + 1, time.Second, 10 * time.Second, time.Hour} {
		h.observe(d)
	}
	d := h.stats()
	require.EqualValues(t, 6, d.Count)
	require.Equal(t, time.Hour+11*time.Second+10*time.Millisecond+1, d.Sum)
	at := make(map[time.Duration]int64)
	for i, b := range d.Buckets {
		at[b.UpTo] = b.Count
		require.Equal(t, loadBounds[i], b.UpTo)
	}
	require.EqualValues(t, 2, at[5*time.Millisecond], "a bound belongs to its bucket")
	require.EqualValues(t, 3, at[10*time.Millisecond])
	require.EqualValues(t, 3, at[500*time.Millisecond])
	require.EqualValues(t, 4, at[time.Second])
	require.EqualValues(t, 5, at[10*time.Second])
	require.Zero(t, testing.AllocsPerRun(100, func() { h.observe(time.Second) }))
}

// Prometheus refuses a histogram with more in a bucket than in all.
func TestHistogramAgreesWithItselfWhileItIsUsed(t *testing.T) {
	var h histogram
	var wg sync.WaitGroup
	stop := make(chan struct{})
	for range 4 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					h.observe(20 * time.Second)
					h.observe(time.Millisecond)
				}
			}
		})
	}
	for range 1000 {
		d := h.stats()
		last := int64(0)
		for _, b := range d.Buckets {
			require.GreaterOrEqual(t, b.Count, last)
			last = b.Count
		}
		require.GreaterOrEqual(t, d.Count, last)
	}
	close(stop)
	wg.Wait()
}

func TestLagIsThatOfTheAnswerOrOfTheWaitForIt(t *testing.T) {
	var l lag
	l.begin(3 * time.Millisecond)
	require.Equal(t, 3*time.Millisecond, l.now())
	l.answered() // to a ping that was sent before the probe
	require.Equal(t, 3*time.Millisecond, l.now())
	l.sent.Store(int64(time.Since(began) - time.Minute))
	require.GreaterOrEqual(t, l.now(), time.Minute, "not answered yet")
	l.asked()
	require.GreaterOrEqual(t, l.now(), time.Minute, "the earlier one counts")
	l.answered()
	require.GreaterOrEqual(t, l.now(), time.Minute)
	l.asked()
	l.answered()
	require.Less(t, l.now(), time.Minute)
}

func TestKindOfAnEvictionAllocatesNothing(t *testing.T) {
	s := &Store{cfg: config{namespace: "a-namespace-that-is-longer-than-thirty-two-bytes"}}
	for key, kind := range map[Key]evictionKind{
		textKey(entryPrefix(s.cfg.namespace, "all"), "#tag:x"): kindKey,
		markerKey(s.cfg.namespace, "tag", "x"):                 kindTag,
		markerKey(s.cfg.namespace, "all", "x"):                 kindAll,
		everythingKey(s.cfg.namespace):                         kindEverything,
	} {
		require.Equal(t, kind, s.kindOf(key), key.addr)
		require.Zero(t, testing.AllocsPerRun(100, func() { s.kindOf(key) }))
	}
}
