package codectest

import (
	"fmt"
	"math"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/jollyjet/aside/codec"
)

// Traits say what a codec keeps that not all codecs keep.
type Traits struct {
	ZoneOffset bool // a time comes back with its offset from UTC
}

// Run runs the suite on c.
func Run(t *testing.T, c codec.Codec, traits Traits) {
	t.Run("records", func(t *testing.T) { testRecords(t, c, traits) })
	t.Run("values", func(t *testing.T) { testValues(t, c) })
	t.Run("property", rapid.MakeCheck(func(t *rapid.T) {
		roundTripRecord(t, c, traits, records().Draw(t, "record"))
	}))
	t.Run("input untouched", func(t *testing.T) { testInput(t, c) })
	t.Run("cut short", func(t *testing.T) { testCutShort(t, c) })
	t.Run("concurrent", func(t *testing.T) { testConcurrent(t, c, traits) })
	t.Run("name", func(t *testing.T) {
		name := c.Name()
		assert.NotEmpty(t, name)
		assert.Equal(t, name, c.Name(), "a name must not change")
	})
	t.Run("unsupported", func(t *testing.T) {
		_, err := c.Marshal(make(chan int))
		assert.Error(t, err)
	})
}

func testRecords(t *testing.T, c codec.Codec, traits Traits) {
	empty := Record{
		Raw: []byte{}, Tags: []string{}, Grid: [][]int{}, Parts: []Part{}, Links: []*Part{},
		ByName: map[string]Part{}, ByID: map[int64]string{}, Parent: &Record{}, Limit: new(int64),
	}
	for name, r := range map[string]Record{"zero": {}, "empty": empty, "full": Full(), "1kB": OneKB()} {
		t.Run(name, func(t *testing.T) { roundTripRecord(t, c, traits, r) })
	}
}

func testValues(t *testing.T, c codec.Codec) {
	same(t, c, "")
	same(t, c, "ascii")
	same(t, c, "\u00e9\u4e16\U0001f600")
	same(t, c, true)
	same(t, c, int8(-128))
	same(t, c, int64(math.MinInt64))
	same(t, c, int64(math.MaxInt64))
	same(t, c, uint64(math.MaxUint64))
	same(t, c, uint64(1<<63))
	same(t, c, int64(1<<53+1))
	same(t, c, math.MaxFloat64)
	same(t, c, 0.1)
	same(t, c, float32(0.1))
	same(t, c, []byte(nil))
	same(t, c, []byte{})
	same(t, c, []byte{0, 255})
	same(t, c, []string(nil))
	same(t, c, []string{})
	same(t, c, []int{1, 2, 3})
	same(t, c, map[string]int(nil))
	same(t, c, map[string]int{})
	same(t, c, map[string][]string{"a": nil, "b": {}, "c": {"d"}})
	same(t, c, struct{}{})
	same(t, c, (*Part)(nil))
	same(t, c, &Part{SKU: "x"})
	same(t, c, any(nil))
	same(t, c, any("text"))
	same(t, c, any(map[string]any{"list": []any{"a", true, nil, 1.5}}))
	same(t, c, time.Hour)
	same(t, c, [3]int{1, 2, 3})
}

// same checks that v comes back deeply equal, with nil and empty kept apart.
func same[T any](t *testing.T, c codec.Codec, v T) {
	t.Helper()
	data, err := c.Marshal(v)
	require.NoError(t, err, "%T %v", v, v)
	var got T
	require.NoError(t, c.Unmarshal(data, &got), "%T %v", v, v)
	assert.Equal(t, v, got, "%T %v", v, v)
}

func roundTripRecord(t require.TestingT, c codec.Codec, traits Traits, want Record) {
	data, err := c.Marshal(want)
	require.NoError(t, err)
	var got Record
	require.NoError(t, c.Unmarshal(data, &got))

	for w, g := &want, &got; w != nil && g != nil; w, g = w.Parent, g.Parent {
		require.True(t, w.At.Equal(g.At), "time %v came back as %v", w.At, g.At)
		if traits.ZoneOffset {
			require.Equal(t, w.At.Format(time.RFC3339Nano), g.At.Format(time.RFC3339Nano))
		}
		// Parents may be shared with the caller's value: change copies only.
		w.At, g.At = time.Time{}, time.Time{}
		if w.Parent != nil {
			parent := *w.Parent
			w.Parent = &parent
		}
	}
	require.Equal(t, want, got)
}

func testInput(t *testing.T, c codec.Codec) {
	data, err := c.Marshal(Full())
	require.NoError(t, err)
	before := slices.Clone(data)
	var got, again Record
	require.NoError(t, c.Unmarshal(data, &got))
	require.Equal(t, before, data, "Unmarshal changed its input")

	require.NoError(t, c.Unmarshal(before, &again))
	clear(data)
	require.Equal(t, again, got, "the decoded value refers to the input")
}

// testCutShort relies on every encoding of a struct being longer than its
// first half in a way the codec can notice.
func testCutShort(t *testing.T, c codec.Codec) {
	data, err := c.Marshal(Full())
	require.NoError(t, err)
	for _, n := range []int{0, 1, len(data) / 2, len(data) - 1} {
		var got Record
		require.Error(t, c.Unmarshal(data[:n], &got), "%d of %d bytes", n, len(data))
	}
}

func testConcurrent(t *testing.T, c codec.Codec, traits Traits) {
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 50 {
				r := OneKB()
				r.Name = fmt.Sprint(g, i)
				roundTripRecord(assertOnly{t}, c, traits, r)
			}
		})
	}
	wg.Wait()
}

// assertOnly reports failures from goroutines that must not call FailNow.
type assertOnly struct{ t *testing.T }

func (a assertOnly) Errorf(format string, args ...any) { a.t.Errorf(format, args...) }
func (a assertOnly) FailNow()                          {}
