// Package frame is the common part of the compressing codecs: when to
// compress, how to mark compressed data, and how large a decompressed value
// may get.
package frame

import (
	"errors"
	"fmt"

	"github.com/jollyjet/aside/codec"
)

const (
	// DefaultMinSize is where compression starts to save more than it costs:
	// below it the algorithm's own header eats much of the gain, and a value
	// fits one network packet anyway.
	DefaultMinSize = 1024

	// DefaultMaxSize leaves room for any sane cached value.
	DefaultMaxSize = 256 << 20

	// maxMaxSize is what every algorithm can address, also on 32 bits.
	maxMaxSize = 1 << 30
)

// The first byte of every encoding. The values are part of the format.
const (
	markRaw        = 0
	markCompressed = 1
)

// Options are the limits of one codec, in bytes.
type Options struct {
	MinSize int // smallest inner encoding that compression is tried on
	MaxSize int // largest inner encoding, when writing and when reading
}

// Algorithm compresses whole values. Both functions must be safe for
// concurrent use and leave src alone.
type Algorithm struct {
	// Compress appends the compressed src to dst.
	Compress func(dst, src []byte) []byte

	// Decompress undoes Compress. It refuses a result of more than the
	// maxSize it was built for with an error that wraps codec.ErrTooLarge,
	// before it has allocated much more than that. All its other errors mean
	// that src is corrupt.
	Decompress func(src []byte) ([]byte, error)
}

// New returns a codec that compresses the output of inner. It panics, with
// name as prefix, when inner or an option is nil or a limit is out of range.
func New[O ~func(*Options)](name string, inner codec.Codec, opts []O, build func(maxSize int) Algorithm) codec.Codec {
	if inner == nil {
		panic(name + ": New needs an inner codec, for example " + name + ".New(codec.JSON())")
	}
	o := Options{MinSize: DefaultMinSize, MaxSize: DefaultMaxSize}
	for i, opt := range opts {
		if opt == nil {
			panic(fmt.Sprintf("%s: option %d of New is nil: leave it out to get the default", name, i+1))
		}
		opt(&o)
	}
	if o.MinSize < 0 {
		panic(fmt.Sprintf("%s: MinSize(%d) is negative: write MinSize(0) to compress every value", name, o.MinSize))
	}
	if o.MaxSize < 1 || o.MaxSize > maxMaxSize {
		panic(fmt.Sprintf("%s: MaxSize(%d) is out of range: write 1 to %d bytes, or leave it out for %d",
			name, o.MaxSize, maxMaxSize, DefaultMaxSize))
	}
	return &framed{
		prefix:    name,
		name:      name + "(" + inner.Name() + ")",
		inner:     inner,
		limits:    o,
		Algorithm: build(o.MaxSize),
	}
}

type framed struct {
	prefix, name string
	inner        codec.Codec
	limits       Options
	Algorithm
}

// Name leaves the limits out: they change which values are compressed or
// refused, not how an encoding is read.
func (f *framed) Name() string { return f.name }

func (f *framed) Marshal(v any) ([]byte, error) {
	plain, err := f.inner.Marshal(v)
	if err != nil {
		return nil, err
	}
	// Writing a value that Unmarshal refuses would turn one error now into a
	// miss on every read.
	if len(plain) > f.limits.MaxSize {
		return nil, f.tooLarge(len(plain))
	}
	out := make([]byte, 1, 1+len(plain))
	if len(plain) >= f.limits.MinSize {
		out[0] = markCompressed
		if out = f.Compress(out, plain); len(out)-1 < len(plain) {
			return out, nil
		}
	}
	out = append(out[:0], markRaw)
	return append(out, plain...), nil
}

func (f *framed) Unmarshal(data []byte, v any) error {
	plain, err := f.unwrap(data)
	if err != nil {
		return err
	}
	return f.inner.Unmarshal(plain, v)
}

// unwrap returns the inner encoding, which may be a part of data itself: inner
// codecs neither keep nor change what they decode.
func (f *framed) unwrap(data []byte) ([]byte, error) {
	if len(data) == 0 {
		return nil, fmt.Errorf("%s: %w: no data", f.prefix, codec.ErrCorrupt)
	}
	switch mark, body := data[0], data[1:]; mark {
	case markRaw:
		if len(body) > f.limits.MaxSize {
			return nil, f.tooLarge(len(body))
		}
		return body, nil
	case markCompressed:
		return f.decompress(body)
	default:
		return nil, fmt.Errorf("%s: %w: starts with byte %d, not 0 (raw) or 1 (compressed)", f.prefix, codec.ErrCorrupt, mark)
	}
}

func (f *framed) decompress(body []byte) ([]byte, error) {
	plain, err := f.Decompress(body)
	switch {
	case err == nil && len(plain) == 0:
		// Marshal never compresses an empty encoding: it can't get smaller.
		return nil, fmt.Errorf("%s: %w: compressed nothing", f.prefix, codec.ErrCorrupt)
	case err == nil && len(plain) > f.limits.MaxSize:
		return nil, f.tooLarge(len(plain))
	case err == nil:
		return plain, nil
	case errors.Is(err, codec.ErrTooLarge):
		return nil, fmt.Errorf("%s: more than MaxSize(%d): %w", f.prefix, f.limits.MaxSize, err)
	default:
		return nil, fmt.Errorf("%s: %w: %w", f.prefix, codec.ErrCorrupt, err)
	}
}

func (f *framed) tooLarge(n int) error {
	return fmt.Errorf("%s: %d bytes are more than MaxSize(%d): %w", f.prefix, n, f.limits.MaxSize, codec.ErrTooLarge)
}
