package cacheable_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/cacheable"
)

func TestArgs(t *testing.T) {
	st, loads := openStore(t, miniClient(t)), 0
	two := cacheable.New(st, "two", cacheable.Pack2(func(_ context.Context, a string, b int) (string, error) {
		loads++
		return fmt.Sprint(a, b), nil
	}))
	three := cacheable.New(st, "three", cacheable.Pack3(func(_ context.Context, a string, b int, c bool) (string, error) {
		loads++
		return fmt.Sprint(a, b, c), nil
	}))
	get2, get3 := cacheable.Unpack2(two.Get), cacheable.Unpack3(three.Get)
	for range 2 {
		v, err := get2(t.Context(), "a,1", 2)
		require.NoError(t, err)
		require.Equal(t, "a,12", v)
		v, err = get2(t.Context(), "a", 12)
		require.NoError(t, err)
		require.Equal(t, "a12", v)
		v, err = get3(t.Context(), "a", 1, true)
		require.NoError(t, err)
		require.Equal(t, "a1 true", v)
	}
	require.Equal(t, 3, loads)
	require.NoError(t, two.Evict(t.Context(), cacheable.Args2[string, int]{"a", 12}))
	_, err := get2(t.Context(), "a", 12)
	require.NoError(t, err)
	require.Equal(t, 4, loads)
}
