package ratelimit

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestLocalForgetsTheLeastUsed(t *testing.T) {
	l := newLocal(FixedWindow(1, maxSpan).parts(), 1, 2)
	for _, key := range []string{"a", "b", "a", "c"} {
		l.take(key, 1)
	}
	require.Equal(t, 2, l.meters.Len())
	read, _, _ := l.take("a", 1)
	require.Positive(t, read[0].due)
	read, _, _ = l.take("b", 1)
	require.Zero(t, read[0].due)
}

// A lease that was forgotten, for others were used more, is taken back where there is room.
func TestLocalLeasesAreTakenBack(t *testing.T) {
	l := newLocal(Concurrency(1, time.Hour).parts(), 1, 1)
	_, at, id := l.take("a", 1)
	held := charge{hashTag: "a", n: 1, at: at, local: id}
	l.take("b", 1)
	require.True(t, l.renew(held))
	l.take("b", 1)
	_, _, other := l.take("a", 1)
	require.False(t, l.renew(held), "another has its place")
	l.give(charge{hashTag: "a", n: 1, local: other}, true)
	require.True(t, l.renew(held))
	read, _, _ := l.take("a", 1)
	require.Positive(t, read[0].due)
}
