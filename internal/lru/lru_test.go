package lru_test

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/internal/lru"
)

func TestTheLeastRecentlyUsedIsForgotten(t *testing.T) {
	m := lru.New[string, int](2)
	count := func(key string) (n int) {
		m.With(key, func() int { return 0 }, func(v *int) { *v++; n = *v })
		return n
	}
	require.Equal(t, 1, count("a"))
	require.Equal(t, 1, count("b"))
	require.Equal(t, 2, count("a"))
	require.Equal(t, 1, count("c"), "b goes")
	require.Equal(t, 2, m.Len())
	require.Equal(t, 3, count("a"))
	require.Equal(t, 1, count("b"), "c goes")

	m.With("c", nil, func(*int) { t.Error("it was made") })
	m.Remove("c")
	m.Remove("a")
	require.Equal(t, 1, m.Len())
	require.Equal(t, 1, count("a"))
}

func TestNobodyElseHasAValueInUse(t *testing.T) {
	m := lru.New[int, int](1)
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 1000 {
				m.With(1, func() int { return 0 }, func(v *int) { *v++ })
			}
		})
	}
	group.Wait()
	m.With(1, nil, func(v *int) { require.Equal(t, 8000, *v) })
}
