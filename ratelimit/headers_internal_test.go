package ratelimit

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A header's whole seconds never send anybody back too early.
func TestSeconds(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "1", time.Microsecond: "1", time.Second: "1", time.Second + time.Microsecond: "2", time.Hour: "3600",
		math.MaxInt64: "9223372037",
	} {
		require.Equal(t, want, seconds(d), d)
	}
}
