package codectest

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/codec"
)

// Limits are options of a compressing codec; nil leaves the default.
type Limits struct{ Min, Max *int }

// Bytes is a codec for *[]byte that changes nothing, so that tests control the
// inner encoding to the byte.
type Bytes struct{}

// Name implements [codec.Codec].
func (Bytes) Name() string { return "bytes" }

// Marshal implements [codec.Codec].
func (Bytes) Marshal(v any) ([]byte, error) { return bytes.Clone(*v.(*[]byte)), nil }

// Unmarshal implements [codec.Codec].
func (Bytes) Unmarshal(data []byte, v any) error {
	*v.(*[]byte) = bytes.Clone(data)
	return nil
}

// Compressing builds the codec under test around inner.
type Compressing func(inner codec.Codec, l Limits) codec.Codec

// RunCompressed checks what all compressing codecs promise about their
// marker, their threshold and their limits.
func RunCompressed(t *testing.T, name string, build Compressing) {
	t.Run("name", func(t *testing.T) {
		assert.Equal(t, name+"(json)", build(codec.JSON(), Limits{}).Name())
		assert.Equal(t, name+"(json)", build(codec.JSON(), Limits{Min: new(5), Max: new(50)}).Name())
	})
	t.Run("threshold", func(t *testing.T) { testThreshold(t, build) })
	t.Run("incompressible", func(t *testing.T) { testIncompressible(t, build) })
	t.Run("size limit", func(t *testing.T) { testSizeLimit(t, build) })
	t.Run("bomb", func(t *testing.T) { testBomb(t, build) })
	t.Run("corrupt", func(t *testing.T) { testCorrupt(t, build) })
	t.Run("bad construction", func(t *testing.T) { testPanics(t, name, build) })
}

const (
	raw        = byte(0)
	compressed = byte(1)
)

func testThreshold(t *testing.T, build Compressing) {
	for _, tc := range []struct {
		name string
		min  *int
		size int
		mark byte
	}{
		{"default, below", nil, 1023, raw},
		{"default, at", nil, 1024, compressed},
		{"set, below", new(100), 99, raw},
		{"set, at", new(100), 100, compressed},
		{"zero, empty", new(0), 0, raw},
		{"zero, one byte", new(0), 1, raw},
		{"zero, compressible", new(0), 200, compressed},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := build(Bytes{}, Limits{Min: tc.min})
			want := bytes.Repeat([]byte{'a'}, tc.size)
			data, err := c.Marshal(&want)
			require.NoError(t, err)
			assert.Equal(t, tc.mark, data[0])
			if tc.mark == raw {
				assert.Equal(t, want, data[1:])
			}
			var got []byte
			require.NoError(t, c.Unmarshal(data, &got))
			assert.True(t, bytes.Equal(want, got))
		})
	}
}

func testIncompressible(t *testing.T, build Compressing) {
	random := rand.New(rand.NewPCG(1, 2))
	want := make([]byte, 4096)
	for i := range want {
		want[i] = byte(random.Uint32())
	}
	data, err := build(Bytes{}, Limits{}).Marshal(&want)
	require.NoError(t, err)
	assert.Equal(t, raw, data[0])
	assert.Len(t, data, 1+len(want), "one byte is all that random data costs")
}

func testSizeLimit(t *testing.T, build Compressing) {
	for _, limit := range []int{1, 500, 5000} {
		c := build(Bytes{}, Limits{Min: new(0), Max: &limit})
		fits := bytes.Repeat([]byte{'a'}, limit)
		data, err := c.Marshal(&fits)
		require.NoError(t, err)
		var got []byte
		require.NoError(t, c.Unmarshal(data, &got), "exactly MaxSize")
		assert.Equal(t, fits, got)

		large := bytes.Repeat([]byte{'a'}, limit+1)
		_, err = c.Marshal(&large)
		require.ErrorIs(t, err, codec.ErrTooLarge)

		for _, writer := range []codec.Codec{build(Bytes{}, Limits{}), build(Bytes{}, Limits{Min: new(0)})} {
			data, err = writer.Marshal(&large)
			require.NoError(t, err)
			require.ErrorIs(t, c.Unmarshal(data, &got), codec.ErrTooLarge, "written with a larger limit")
		}
	}
}

// testBomb decompresses 64 MiB that were written as a few kilobytes.
func testBomb(t *testing.T, build Compressing) {
	zeros := make([]byte, 64<<20)
	data, err := build(Bytes{}, Limits{}).Marshal(&zeros)
	require.NoError(t, err)
	require.Less(t, len(data), 1<<20)

	c := build(Bytes{}, Limits{Max: new(1 << 20)})
	before := allocated()
	var got []byte
	err = c.Unmarshal(data, &got)
	require.ErrorIs(t, err, codec.ErrTooLarge)
	require.ErrorContains(t, err, "MaxSize(1048576)")
	assert.Less(t, allocated()-before, uint64(8<<20))
}

func testCorrupt(t *testing.T, build Compressing) {
	c := build(codec.JSON(), Limits{})
	good, err := c.Marshal(bytes.Repeat([]byte("abcdefgh"), 1000))
	require.NoError(t, err)
	require.Equal(t, compressed, good[0])

	unknown := bytes.Clone(good)
	unknown[0] = 2
	for name, data := range map[string][]byte{
		"no data":        nil,
		"only a marker":  {compressed},
		"unknown marker": unknown,
		"cut short":      good[:len(good)/2],
		"last byte cut":  good[:len(good)-1],
		"not compressed": append([]byte{compressed}, "plain text that nobody compressed"...),
	} {
		t.Run(name, func(t *testing.T) {
			var got []byte
			require.ErrorIs(t, c.Unmarshal(data, &got), codec.ErrCorrupt)
		})
	}
}

func testPanics(t *testing.T, name string, build Compressing) {
	message := func(inner codec.Codec, l Limits) (msg any) {
		defer func() { msg = recover() }()
		build(inner, l)
		return nil
	}
	assert.Equal(t, name+": New needs an inner codec, for example "+name+".New(codec.JSON())", message(nil, Limits{}))
	assert.Equal(t, name+": MinSize(-1) is negative: write MinSize(0) to compress every value",
		message(codec.JSON(), Limits{Min: new(-1)}))
	for _, size := range []int{-1, 0, 1<<30 + 1} {
		assert.Contains(t, message(codec.JSON(), Limits{Max: &size}), "is out of range: write 1 to 1073741824 bytes")
	}
}
