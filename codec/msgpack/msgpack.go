package msgpack

import (
	"bytes"
	"fmt"
	"sync"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/jollyjet/aside/codec"
)

const (
	fallbackTag = "json"

	// maxPooledBuffer keeps one huge value from pinning its buffer in the pool.
	maxPooledBuffer = 64 << 10
)

// New returns the codec named "msgpack". It has no options.
//
// Types that implement encoding.BinaryMarshaler or encoding.TextMarshaler are
// encoded through these; json.Marshaler is not used, so a type that has only
// that is encoded by its exported fields. Of the json tag's options only
// `omitempty` is understood: `omitzero` and `string` are ignored.
//
// Unmarshal refuses data after the value and nesting deeper than 10000. Before
// it decodes it checks every declared length against the data, because the
// library would allocate whatever a corrupt header declares. A panic while
// decoding, of the library or of an UnmarshalMsgpack method, is returned as an
// error that wraps [codec.ErrCorrupt].
//
// What does not round-trip, beyond what package codec lists:
//   - a time.Time keeps its instant but not its zone: it comes back in the
//     reader's local zone (the zero time in UTC)
//   - in an interface, integers come back as int64 or uint64, floats as
//     float64, maps as map[string]any, and a []byte as a string
//   - a field of an embedded struct that has the name of an outer field: the
//     embedded struct is then encoded under its type's name
//   - values that contain themselves: Marshal does not detect them and
//     exhausts the stack
func New() codec.Codec { return msgpackCodec{} }

type msgpackCodec struct{}

func (msgpackCodec) Name() string { return "msgpack" }

// encoder is an encoder with the buffer it writes to. Both are reused; the
// caller of Marshal gets a copy of exactly the right size.
type encoder struct {
	enc *msgpack.Encoder
	buf bytes.Buffer
}

var encoders = sync.Pool{New: func() any { return &encoder{enc: msgpack.NewEncoder(nil)} }}

// Marshal does not put an encoder back after a panic in a MarshalMsgpack
// method: its state is then unknown.
func (msgpackCodec) Marshal(v any) ([]byte, error) {
	e := encoders.Get().(*encoder)
	e.buf.Reset()
	e.enc.Reset(&e.buf)
	e.enc.SetCustomStructTag(fallbackTag)
	e.enc.UseCompactInts(true)

	if err := e.enc.Encode(v); err != nil {
		return nil, err
	}
	out := bytes.Clone(e.buf.Bytes())
	if e.buf.Cap() <= maxPooledBuffer {
		encoders.Put(e)
	}
	return out, nil
}

type decoder struct {
	dec *msgpack.Decoder
	src bytes.Reader
}

var decoders = sync.Pool{New: func() any { return &decoder{dec: msgpack.NewDecoder(nil)} }}

func (msgpackCodec) Unmarshal(data []byte, v any) (err error) {
	if err := check(data); err != nil {
		return err
	}
	// Well-formed data can still make the library panic, for example with a
	// list as key of a map[any]any.
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("msgpack: %w: panic while decoding: %v", codec.ErrCorrupt, p)
		}
	}()

	d := decoders.Get().(*decoder)
	d.src.Reset(data)
	d.dec.Reset(&d.src)
	d.dec.SetCustomStructTag(fallbackTag)
	d.dec.UseLooseInterfaceDecoding(true)
	err = d.dec.Decode(v)
	d.src.Reset(nil) // data is not retained
	decoders.Put(d)
	return err
}
