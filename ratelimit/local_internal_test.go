package ratelimit

import (
	"testing"

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
	require.False(t, l.renew(charge{hashTag: "nobody"}))
}
