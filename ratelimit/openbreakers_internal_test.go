package ratelimit

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// On a Cluster the first breaker that opens is reported, and the last that closes.
func TestOpenBreakersAreCounted(t *testing.T) {
	var changes []bool
	o := openBreakers{changed: func(open bool) { changes = append(changes, open) }}
	require.False(t, o.any())
	o.opened()
	o.opened()
	o.closed()
	require.True(t, o.any())
	require.Equal(t, []bool{true}, changes)
	o.closed()
	require.False(t, o.any())
	require.Equal(t, []bool{true, false}, changes)
	var silent openBreakers
	silent.opened()
	silent.closed()
}
