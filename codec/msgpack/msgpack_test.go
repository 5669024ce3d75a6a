package msgpack_test

import (
	"math/big"
	"net/netip"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/jollyjet/aside/codec"
	"github.com/jollyjet/aside/codec/internal/codectest"
	"github.com/jollyjet/aside/codec/msgpack"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestName(t *testing.T) {
	assert.Equal(t, "msgpack", msgpack.New().Name())
}

func TestTagsFallBackToJSON(t *testing.T) {
	c := msgpack.New()
	data, err := c.Marshal(struct {
		A int `json:"first"`
		B int `json:"ignored" msgpack:"second"`
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
	}
	want := value{Addr: netip.MustParseAddr("2001:db8::1"), N: new(big.Int).Lsh(big.NewInt(1), 100)}
	c := msgpack.New()
	data, err := c.Marshal(want)
	require.NoError(t, err)
	var got value
	require.NoError(t, c.Unmarshal(data, &got))
	assert.Equal(t, want.Addr, got.Addr)
	assert.Zero(t, want.N.Cmp(got.N))
}

// TestLosses pins down the losses that the doc comment admits.
func TestLosses(t *testing.T) {
	c := msgpack.New()
	through := func(in any) (out any) {
		data, err := c.Marshal(in)
		require.NoError(t, err)
		require.NoError(t, c.Unmarshal(data, &out))
		return out
	}
	assert.Equal(t, int64(5), through(int8(5)))
	assert.Equal(t, int64(-1<<40), through(int64(-1<<40)))
	assert.InDelta(t, 1.5, through(float32(1.5)), 0)
	assert.IsType(t, float64(0), through(float32(1.5)))
	assert.Equal(t, "\x00\xff", through([]byte{0, 255}))
	assert.Equal(t, map[string]any{"a": []any{"b"}}, through(map[string][]string{"a": {"b"}}))

	at := time.Date(2026, 1, 2, 3, 4, 5, 6, time.FixedZone("X", 3600))
	got, ok := through(at).(time.Time)
	require.True(t, ok)
	assert.True(t, at.Equal(got))
	assert.Equal(t, time.Local, got.Location())
}

// TestLyingLengths are headers of a few bytes that ask for gigabytes.
func TestLyingLengths(t *testing.T) {
	for name, data := range map[string]string{
		"array32":        "\xdd\xff\xff\xff\xff",
		"array16":        "\xdc\xff\xff\x01",
		"map32":          "\xdf\xff\xff\xff\xff\xa1a\x01",
		"map16":          "\xde\xff\xff",
		"string":         "\xdb\xff\xff\xff\xffabc",
		"bytes":          "\xc6\x7f\xff\xff\xff",
		"ext":            "\xc9\xff\xff\xff\xff\x01",
		"nested in list": "\x92\x01\xdd\x00\x10\x00\x00\x01",
		"length cut":     "\xdd\xff",
		"no data":        "",
		"unused code":    "\xc1",
		"two values":     "\x01\x01",
	} {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			for _, v := range []any{new([]codectest.Record), new(any), new(map[string]any), new([]string), new(string)} {
				require.ErrorIs(t, msgpack.New().Unmarshal([]byte(data), v), codec.ErrCorrupt)
			}
			runtime.ReadMemStats(&after)
			assert.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(1<<20))
		})
	}
}

func TestDepth(t *testing.T) {
	var v any
	deep := strings.Repeat("\x91", 10_000) + "\xc0"
	require.NoError(t, msgpack.New().Unmarshal([]byte(deep), &v))
	require.ErrorIs(t, msgpack.New().Unmarshal([]byte("\x91"+deep), &v), codec.ErrCorrupt)
	require.ErrorIs(t, msgpack.New().Unmarshal([]byte(strings.Repeat("\x81", 10<<20)), &v), codec.ErrCorrupt)
}

func TestPanicBecomesError(t *testing.T) {
	var v map[any]any // with a list as key
	err := msgpack.New().Unmarshal([]byte("\x81\x90\x01"), &v)
	require.ErrorIs(t, err, codec.ErrCorrupt)
	assert.ErrorContains(t, err, "panic while decoding")
}

func FuzzUnmarshal(f *testing.F) {
	codectest.Fuzz(f, msgpack.New(),
		"\xdd\xff\xff\xff\xff", "\x81\x90\x01", "\xd4\x80\x00", "\xc7\x0c\xff", "\x91\x91\x91", "\xd6\xff\x00\x00\x00\x01")
}
