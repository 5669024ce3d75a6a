// Package codec encodes cached values as bytes and decodes them.
//
// [JSON] is here because it needs only the standard library. Other codecs have
// packages of their own, so that a program links only those it imports:
// codec/msgpack and codec/cbor are smaller and faster encodings, codec/zstd
// and codec/s2 compress the output of any other codec.
//
// No encoding returns every Go value unchanged. The documentation of each
// constructor lists the losses. All codecs lose:
//   - unexported struct fields
//   - the monotonic reading of a [time.Time] and the name of its zone
//   - the concrete type of a value in an interface
//   - whether two pointers were equal
//   - what a MarshalJSON (or the like) with a pointer receiver would have
//     encoded, for the elements of a map and values in an interface
package codec
