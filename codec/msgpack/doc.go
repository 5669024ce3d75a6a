// Package msgpack is a codec for MessagePack, a compact and fast binary
// encoding.
//
// Struct fields are named by their `msgpack` tag or, without one, their `json`
// tag, so a type that is ready for JSON is ready for MessagePack.
package msgpack
