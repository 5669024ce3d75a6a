package consistency

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

type point struct {
	X     float64
	At    time.Time
	Tags  map[string][]int
	Next  *point
	Any   any
	inner float32
	when  time.Time
}

type folded string

func (f folded) Equal(other folded) bool { return len(f) == len(other) }

type odd int

func (odd) Equal(int) bool { return true } // not a method that compares two of its kind

func TestEquivalent(t *testing.T) {
	noon := time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)
	there := noon.In(time.FixedZone("", 3600))
	ring := &point{}
	ring.Next = ring
	other := &point{Next: ring}
	for name, pair := range map[string][2]any{
		"sums":       {0.1 + 0.2 + 0.3, 0.3 + 0.2 + 0.1},
		"zones":      {noon, there},
		"deep zones": {point{At: noon}, point{At: there}},
		"pointers":   {&point{Next: &point{At: noon}}, &point{Next: &point{At: there}}},
		"any":        {point{Any: []any{noon, 0.1 + 0.2}}, point{Any: []any{there, 0.3}}},
		"maps":       {map[string]time.Time{"a": noon}, map[string]time.Time{"a": there}},
		"NaN":        {math.NaN(), math.NaN()},
		"float32":    {point{inner: 1.1}, point{inner: math.Nextafter32(1.1, 2)}},
		"by Equal":   {folded("ab"), folded("cd")},
		"nil":        {nil, nil},
		"arrays":     {[2]float64{0.3}, [2]float64{0.1 + 0.2}},
		"funcs":      {(func())(nil), (func())(nil)},
		"unexported": {point{when: noon}, point{when: noon}},
		"complex":    {complex(1, 2), complex(1, 2)},
		"rings":      {ring, other},
	} {
		require.True(t, equivalent(pair[0], pair[1]), name)
	}
	for name, pair := range map[string][2]any{
		"floats":          {0.1, 0.100001},
		"whole floats":    {1e18, math.Nextafter(1e18, 2e18)},
		"infinite":        {math.Inf(1), math.MaxFloat64},
		"zero":            {0.0, 1e-300},
		"float32":         {float32(1000.01), float32(1000.02)},
		"moments":         {noon, noon.Add(1)},
		"types":           {1, int64(1)},
		"nil and empty":   {[]int(nil), []int{}},
		"nil map":         {map[string]int(nil), map[string]int{}},
		"lengths":         {[]int{1}, []int{1, 2}},
		"orders":          {[]int{1, 2}, []int{2, 1}},
		"keys":            {map[string]int{"a": 0}, map[string]int{"b": 0}},
		"more keys":       {map[string]int{"a": 0}, map[string]int{"a": 0, "b": 0}},
		"values":          {map[string]int{"a": 0}, map[string]int{"a": 1}},
		"nil pointer":     {&point{}, (*point)(nil)},
		"deep nil":        {point{Next: &point{}}, point{}},
		"nil any":         {point{Any: 1}, point{}},
		"nil interface":   {1, nil},
		"unexported":      {point{inner: 1}, point{inner: 2}},
		"not by Equal":    {odd(1), odd(2)},
		"strings":         {"a", "b"},
		"bools":           {true, false},
		"complex":         {complex(1, 2), complex(1, 3)},
		"funcs":           {func() {}, func() {}},
		"by Equal":        {folded("ab"), folded("abc")},
		"unexported time": {point{when: noon}, point{when: noon.Add(time.Second)}},
	} {
		require.False(t, equivalent(pair[0], pair[1]), name)
		require.False(t, equivalent(pair[1], pair[0]), name)
	}
}
