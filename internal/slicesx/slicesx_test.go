package slicesx_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/internal/slicesx"
)

func TestDistinct(t *testing.T) {
	given := []string{"b", "a", "b", "", "a", ""}
	require.Equal(t, []string{"b", "a", ""}, slicesx.Distinct(given))
	require.Equal(t, []string{"b", "a", "b", "", "a", ""}, given, "it is left as it is")
	require.Empty(t, slicesx.Distinct[[]int](nil))
}
