package cbor_test

import (
	"math"
	"math/big"
	"net/netip"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/jollyjet/aside/codec/cbor"
	"github.com/jollyjet/aside/codec/internal/codectest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestName(t *testing.T) {
	assert.Equal(t, "cbor", cbor.New().Name())
}

func TestTagsFallBackToJSON(t *testing.T) {
	c := cbor.New()
	data, err := c.Marshal(struct {
		A int `json:"first"`
		B int `cbor:"second"         json:"ignored"`
		C int `json:"third,omitempty"`
		D int `json:"-"`
	}{A: 1, B: 2, D: 4})
	require.NoError(t, err)

	var got map[string]int
	require.NoError(t, c.Unmarshal(data, &got))
	assert.Equal(t, map[string]int{"first": 1, "second": 2}, got)
}

func TestMarshalers(t *testing.T) {
	type value struct {
		Addr netip.Addr
		N    *big.Int
		F    *big.Float // has only MarshalText
	}
	want := value{
		Addr: netip.MustParseAddr("2001:db8::1"),
		N:    new(big.Int).Lsh(big.NewInt(1), 100),
		F:    big.NewFloat(1.25),
	}
	c := cbor.New()
	data, err := c.Marshal(want)
	require.NoError(t, err)
	var got value
	require.NoError(t, c.Unmarshal(data, &got))
	assert.Equal(t, want.Addr, got.Addr)
	assert.Zero(t, want.N.Cmp(got.N))
	assert.Zero(t, want.F.Cmp(got.F))
}

func TestDeterministic(t *testing.T) {
	c := cbor.New()
	m := map[string]int{}
	for i := range 100 {
		m[strings.Repeat("k", i)] = i
	}
	first, err := c.Marshal(m)
	require.NoError(t, err)
	for range 10 {
		again, err := c.Marshal(m)
		require.NoError(t, err)
		require.Equal(t, first, again)
	}
}

// TestInterfaces pins down what the doc comment says about values in
// interfaces, and that strings which are not UTF-8 survive.
func TestInterfaces(t *testing.T) {
	c := cbor.New()
	through := func(in any) (out any) {
		data, err := c.Marshal(in)
		require.NoError(t, err)
		require.NoError(t, c.Unmarshal(data, &out))
		return out
	}
	assert.Equal(t, uint64(5), through(int8(5)))
	assert.Equal(t, int64(-1<<40), through(int64(-1<<40)))
	assert.IsType(t, float64(0), through(float32(1.5)))
	assert.Equal(t, []byte{0, 255}, through([]byte{0, 255}))
	assert.Equal(t, map[string]any{"a": []any{"b"}}, through(map[string][]string{"a": {"b"}}))
	assert.Equal(t, "\xff", through("\xff"))
	assert.Equal(t, math.Inf(1), through(math.Inf(1)))

	at := time.Date(2026, 1, 2, 3, 4, 5, 6, time.FixedZone("X", 3600))
	got, ok := through(at).(time.Time)
	require.True(t, ok)
	assert.Equal(t, at.Format(time.RFC3339Nano), got.Format(time.RFC3339Nano))

	data, err := c.Marshal(map[int]string{1: "a"})
	require.NoError(t, err)
	var v any
	require.Error(t, c.Unmarshal(data, &v))
}

// TestLyingLengths are headers of a few bytes that ask for gigabytes.
func TestLyingLengths(t *testing.T) {
	for name, data := range map[string]string{
		"array":             "\x9a\x7f\xff\xff\xff",
		"map":               "\xba\x7f\xff\xff\xff\x01",
		"string":            "\x7a\x7f\xff\xff\xffabc",
		"bytes":             "\x5a\x7f\xff\xff\xff",
		"indefinite length": "\x9f\x01\xff",
		"no data":           "",
		"two values":        "\x01\x01",
		"too deep":          strings.Repeat("\x81", 10_001) + "\x01",
		"far too deep":      strings.Repeat("\x81", 10<<20),
	} {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			for _, v := range []any{new([]codectest.Record), new(any), new(map[string]any), new(string)} {
				require.Error(t, cbor.New().Unmarshal([]byte(data), v))
			}
			runtime.ReadMemStats(&after)
			assert.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(5*len(data)+1<<20))
		})
	}
}

// TestLargeArray is beyond the library's default limit of 131072 elements.
func TestLargeArray(t *testing.T) {
	c := cbor.New()
	want := make([]int, 200_000)
	data, err := c.Marshal(want)
	require.NoError(t, err)
	var got []int
	require.NoError(t, c.Unmarshal(data, &got))
	assert.Len(t, got, len(want))
}

func FuzzUnmarshal(f *testing.F) {
	codectest.Fuzz(f, cbor.New(), "\x9a\x7f\xff\xff\xff", "\xa1\x80\x01", "\xc0\x60", "\xc2\x41\x00", "\xd9\xd9\xf7\x00", "\x9f\xff")
}
