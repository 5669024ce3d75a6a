// Package codec says how cached values become bytes and come back.
//
// [JSON] is here because it needs nothing but the standard library. The other
// encodings live in packages of their own, so that a program links only the
// ones it names: codec/msgpack and codec/cbor are smaller and faster
// encodings, codec/zstd and codec/s2 wrap any codec and compress what it
// makes.
//
// No encoding returns every Go value exactly as it was. What a codec loses is
// listed at its constructor; all of them lose unexported struct fields, the
// monotonic reading of a [time.Time] and the name of its zone, the concrete
// type of a value held in an interface, and whether two pointers were equal.
package codec
