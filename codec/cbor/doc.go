// Package cbor is a codec for CBOR (RFC 8949), a compact binary encoding with
// the data model of JSON plus byte strings, tagged times and exact integers.
//
// Struct fields are named by their `cbor` tag or, without one, their `json`
// tag, so a type that is ready for JSON is ready for CBOR. Equal values have
// equal encodings (core deterministic encoding: sorted map keys, shortest
// numbers).
package cbor
