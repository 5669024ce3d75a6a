package cbor

import (
	"fmt"
	"math"
	"reflect"

	"github.com/fxamacker/cbor/v2"

	"github.com/jollyjet/aside/codec"
)

// maxDepth is the nesting that encoding/json allows, too, so that both codecs
// can decode the same values.
const maxDepth = 10_000

// New returns the codec named "cbor". It has no options.
//
// Times are encoded as tagged RFC 3339 strings with nanoseconds and the zone's
// offset. Types that implement encoding.BinaryMarshaler or
// encoding.TextMarshaler are encoded through these; json.Marshaler is not
// used, so a type that has only that is encoded by its exported fields.
//
// Unmarshal refuses data after the value, indefinite lengths and nesting
// deeper than 10000. The number of elements has no limit of its own: the data
// is walked before anything is decoded, so a declared length that the data
// does not hold allocates nothing.
//
// What does not round-trip, beyond what package codec lists:
//   - in an interface, integers come back as uint64, or as int64 when
//     negative; floats as float64; maps as map[string]any, and a map there
//     with keys that are not strings cannot be decoded
//   - the payload and sign of a NaN
//   - the seconds of a zone offset that is not whole minutes
//   - values that contain themselves: Marshal does not detect them and
//     exhausts the stack
func New() codec.Codec { return modes }

// modes is shared by all callers: both modes are immutable.
var modes = newModes()

type cborCodec struct {
	enc cbor.EncMode
	dec cbor.DecMode
}

func (c cborCodec) Name() string                       { return "cbor" }
func (c cborCodec) Marshal(v any) ([]byte, error)      { return c.enc.Marshal(v) }
func (c cborCodec) Unmarshal(data []byte, v any) error { return c.dec.Unmarshal(data, v) }

func newModes() cborCodec {
	enc := cbor.CoreDetEncOptions()
	enc.Time = cbor.TimeRFC3339Nano
	enc.TimeTag = cbor.EncTagRequired // so that a time in an interface comes back as a time
	enc.ByteArray = cbor.ByteArrayToByteSlice
	enc.TextMarshaler = cbor.TextMarshalerTextString

	dec := cbor.DecOptions{
		MaxNestedLevels:  maxDepth,
		MaxArrayElements: math.MaxInt32,
		MaxMapPairs:      math.MaxInt32,
		IndefLength:      cbor.IndefLengthForbidden,
		DefaultMapType:   reflect.TypeFor[map[string]any](),
		// Go strings may hold any bytes, and all that is encoded must be decodable.
		UTF8:            cbor.UTF8DecodeInvalid,
		TextUnmarshaler: cbor.TextUnmarshalerTextString,
	}

	encMode, encErr := enc.EncMode()
	decMode, decErr := dec.DecMode()
	if encErr != nil || decErr != nil {
		panic(fmt.Sprintf("cbor: constant options refused: %v, %v", encErr, decErr))
	}
	return cborCodec{enc: encMode, dec: decMode}
}
