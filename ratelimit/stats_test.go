package ratelimit_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/ratelimit"
)

func TestStats(t *testing.T) {
	l, _ := down(t, ratelimit.SlidingWindow(2, 24*time.Hour), ratelimit.FailClosed())
	before := l.Stats()
	require.EqualValues(t, 1, before.Allowed)
	_, err := l.Allow(t.Context(), "k")
	require.Error(t, err)
	after := l.Stats()
	require.Equal(t, before.Errors+1, after.Errors)
	require.Equal(t, before.Allowed, after.Allowed)
	require.Zero(t, after.Denied, "an error is no denial")
}
