package s2

import (
	"github.com/klauspost/compress/s2"

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
// it, for example "s2(json)".
//
// An encoding is one marker byte, 0 for raw or 1 for compressed, and the
// bytes, an S2 block. It is raw below [MinSize] and when compression does not
// make it smaller. S2 blocks carry no checksum: altered data is noticed only
// when it breaks the block, with an error that wraps [codec.ErrCorrupt], or
// the inner encoding. What round-trips depends on inner.
//
// New panics when inner or an option is nil or a limit is out of range. The
// codec keeps no state.
func New(inner codec.Codec, opts ...Option) codec.Codec {
	return frame.New("s2", inner, opts, build)
}

func build(maxSize int) frame.Algorithm {
	return frame.Algorithm{
		Compress: compress,
		Decompress: func(src []byte) ([]byte, error) {
			n, err := s2.DecodedLen(src)
			if err != nil {
				return nil, err
			}
			if n > maxSize {
				return nil, codec.ErrTooLarge
			}
			return s2.Decode(nil, src)
		},
	}
}

// compress allocates the worst-case size behind dst, as s2 requires to write
// in place.
func compress(dst, src []byte) []byte {
	out := make([]byte, len(dst)+s2.MaxEncodedLen(len(src)))
	n := copy(out, dst)
	return out[:n+len(s2.Encode(out[n:], src))]
}
