package codec

import (
	"encoding/json"
	"errors"
)

var (
	// ErrCorrupt is wrapped by an Unmarshal error when the codec's Marshal
	// cannot have returned the data: it was truncated, altered, or written by
	// another program. Codecs that rely on their library to detect this, such
	// as [JSON], return the library's errors instead.
	ErrCorrupt = errors.New("corrupt encoding")

	// ErrTooLarge is wrapped by an error of a compressing codec when a value
	// is, or would be after decompression, larger than the codec's limit.
	ErrTooLarge = errors.New("encoding exceeds the size limit")
)

// Codec turns values into bytes and back. Implementations must be safe for
// concurrent use.
type Codec interface {
	// Name identifies the encoding together with every option that changes
	// what the bytes mean, for example "zstd(json)". It is part of the schema
	// fingerprint of a cache: if the name changes, existing entries count as
	// misses. It must not change during the codec's life.
	Name() string

	// Marshal encodes v. The caller owns the returned slice. A cache passes
	// its value or, if methods that encode the value or a part of it have a
	// pointer receiver, a pointer to the value.
	Marshal(v any) ([]byte, error)

	// Unmarshal decodes data into v, which is a non-nil pointer to a value as
	// given to Marshal. It neither keeps nor changes data, and it returns an
	// error, never panics, for data that is not from Marshal. After an error
	// *v may be partly written and must not be used.
	Unmarshal(data []byte, v any) error
}

// JSON returns the codec named "json", which is encoding/json with its
// defaults.
//
// What does not round-trip, beyond what the package comment lists:
//   - numbers in an interface come back as float64, so integers beyond 2^53
//     lose their last digits; in integer fields they are exact
//   - NaN and infinities, channels, functions and complex numbers cannot be
//     encoded: Marshal returns an error
//   - bytes of a string that are not UTF-8 become U+FFFD
//   - a []byte in an interface comes back as a base64 string, a time.Time as
//     an RFC 3339 string
//   - empty but non-nil slices and maps under `omitempty` come back nil
func JSON() Codec { return jsonCodec{} }

type jsonCodec struct{}

func (jsonCodec) Name() string                       { return "json" }
func (jsonCodec) Marshal(v any) ([]byte, error)      { return json.Marshal(v) }
func (jsonCodec) Unmarshal(data []byte, v any) error { return json.Unmarshal(data, v) }
