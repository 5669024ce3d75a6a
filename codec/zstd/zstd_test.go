package zstd_test

import (
	"bytes"
	"runtime"
	"strings"
	"testing"

	kzstd "github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/jollyjet/aside/codec"
	"github.com/jollyjet/aside/codec/internal/codectest"
	"github.com/jollyjet/aside/codec/zstd"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestFraming(t *testing.T) {
	codectest.RunCompressed(t, "zstd", func(inner codec.Codec, l codectest.Limits) codec.Codec {
		var opts []zstd.Option
		if l.Min != nil {
			opts = append(opts, zstd.MinSize(*l.Min))
		}
		if l.Max != nil {
			opts = append(opts, zstd.MaxSize(*l.Max))
		}
		return zstd.New(inner, opts...)
	})
}

func TestNilOption(t *testing.T) {
	assert.PanicsWithValue(t, "zstd: option 2 of New is nil: leave it out to get the default", func() {
		zstd.New(codec.JSON(), zstd.MinSize(1), nil)
	})
}

// TestStreamBomb is a frame that does not declare its size, so that the limit
// has to hold while decompressing.
func TestStreamBomb(t *testing.T) {
	var stream bytes.Buffer
	w, err := kzstd.NewWriter(&stream, kzstd.WithEncoderConcurrency(1))
	require.NoError(t, err)
	zeros := make([]byte, 1<<20)
	for range 64 {
		_, err = w.Write(zeros)
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())

	c := zstd.New(codec.JSON(), zstd.MaxSize(16<<20))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	var got string
	err = c.Unmarshal(append([]byte{1}, stream.Bytes()...), &got)
	runtime.ReadMemStats(&after)
	require.ErrorIs(t, err, codec.ErrTooLarge)
	assert.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(100<<20))
}

// TestChecksum flips each bit of the compressed bytes in turn.
func TestChecksum(t *testing.T) {
	c := zstd.New(codec.JSON(), zstd.MaxSize(1<<20))
	want := strings.Repeat("abcdefgh", 200)
	data, err := c.Marshal(want)
	require.NoError(t, err)
	for i := 8; i < 8*len(data); i++ {
		data[i/8] ^= 1 << (i % 8)
		var got string
		if err := c.Unmarshal(data, &got); err == nil {
			assert.Equal(t, want, got, "bit %d flipped", i) // flags that nothing depends on
		}
		data[i/8] ^= 1 << (i % 8)
	}
}

func FuzzUnmarshal(f *testing.F) {
	c := zstd.New(codec.JSON(), zstd.MinSize(0), zstd.MaxSize(1<<20))
	codectest.Fuzz(f, c, "", "\x00", "\x01", "\x00[1]", "\x02[1]", "\x01\x28\xb5\x2f\xfd\xe4\xff\xff\xff\xff\xff\xff\xff\x00\x00")
}
