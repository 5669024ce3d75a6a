package zstd

import (
	"errors"
	"fmt"
	"sync"

	"github.com/klauspost/compress/zstd"

	"github.com/jollyjet/aside/codec"
	"github.com/jollyjet/aside/codec/internal/frame"
)

// Option sets a limit of [New].
type Option func(*frame.Options)

// MinSize sets the smallest inner encoding, in bytes, that is compressed.
// Smaller ones are stored uncompressed. The default is 1024; 0 compresses all.
// Entries stay readable when it changes.
func MinSize(n int) Option { return func(o *frame.Options) { o.MinSize = n } }

// MaxSize sets the largest inner encoding in bytes, between 1 and 1 GiB. The
// default is 256 MiB. It bounds the memory that Unmarshal allocates for a
// corrupt or hostile entry. Marshal and Unmarshal refuse larger values with an
// error that wraps [codec.ErrTooLarge].
func MaxSize(n int) Option { return func(o *frame.Options) { o.MaxSize = n } }

// New returns a codec that compresses the encoding of inner and is named after
// it, for example "zstd(json)".
//
// An encoding is one marker byte, 0 for raw or 1 for compressed, and the
// bytes. It is raw below [MinSize] and when compression does not make it
// smaller. Compressed data carries a checksum of its own; data that cannot be
// decompressed gives an error that wraps [codec.ErrCorrupt]. What round-trips
// depends on inner.
//
// New panics when inner or an option is nil or a limit is out of range. The
// codec starts no goroutines and needs no closing. All codecs of a process
// share GOMAXPROCS compressors, made at first use.
func New(inner codec.Codec, opts ...Option) codec.Codec {
	return frame.New("zstd", inner, opts, build)
}

// encoder is shared, because its tables take about a megabyte per processor
// and none of its settings differ between codecs.
var encoder = sync.OnceValue(func() *zstd.Encoder {
	e, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(0), zstd.WithLowerEncoderMem(true))
	if err != nil {
		panic(fmt.Sprintf("zstd: constant options refused: %v", err))
	}
	return e
})

func build(maxSize int) frame.Algorithm {
	// The format's smallest window is larger than the smallest MaxSize; the
	// frame checks the exact size again.
	limit := max(uint64(maxSize), zstd.MinWindowSize)
	d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(0), zstd.WithDecoderMaxMemory(limit))
	if err != nil {
		panic(fmt.Sprintf("zstd: constant options refused: %v", err))
	}
	return frame.Algorithm{
		Compress: func(dst, src []byte) []byte { return encoder().EncodeAll(src, dst) },
		Decompress: func(src []byte) ([]byte, error) {
			out, err := d.DecodeAll(src, nil)
			if errors.Is(err, zstd.ErrDecoderSizeExceeded) || errors.Is(err, zstd.ErrWindowSizeExceeded) {
				err = codec.ErrTooLarge
			}
			return out, err
		},
	}
}
