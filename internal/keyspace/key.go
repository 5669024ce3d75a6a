package keyspace

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// Key is where an entry, or the version of a tag, lives in Redis.
type Key struct {
	addr string // the Redis key
	full string // the text that addr is the hash of; empty where addr says it all
}

// At returns the key with a Redis key that is known from Redis.
func At(addr string) Key { return Key{addr: addr} }

// String returns the key as redis-cli shows it.
func (k Key) String() string { return k.addr }

// Addr returns the Redis key.
func (k Key) Addr() string { return k.addr }

// Full returns the text that the entry must hold as its key, because the Redis key is a hash of it; empty otherwise.
func (k Key) Full() string { return k.full }

// maxText is the longest text that stands in a Redis key as it is. A longer one is hashed, and the entry holds it in
// full, so that a collision is a miss.
const maxText = 200

// textKey returns the key for escaped text, which it hashes where it is long. The hash begins with '~', which no
// escaped text does.
func textKey(prefix, text string) Key {
	if len(text) <= maxText {
		return Key{addr: prefix + text + "}"}
	}
	sum := sha256.Sum256([]byte(text))
	return Key{addr: prefix + "~" + hex.EncodeToString(sum[:]) + "}", full: text}
}

// join escapes each part and joins them, so that two lists of the same length never give the same text.
func join(parts []string) string {
	if len(parts) == 1 && !needsEscape(parts[0]) {
		return parts[0]
	}
	var b strings.Builder
	for i, part := range parts {
		if i > 0 {
			b.WriteByte(',')
		}
		appendEscaped(&b, part)
	}
	return b.String()
}

// escaped reports whether a byte is written as an escape: bytes that end a hash tag, separate parts, begin an escape or
// a hash, or that a terminal does not show.
func escaped(c byte) bool {
	switch c {
	case '{', '}', ',', '%', '~', 0x7F:
		return true
	default:
		return c <= ' '
	}
}

func needsEscape(s string) bool {
	for i := range len(s) {
		if escaped(s[i]) {
			return true
		}
	}
	return false
}

func appendEscaped(b *strings.Builder, s string) {
	const digits = "0123456789ABCDEF"
	for i := range len(s) {
		if c := s[i]; escaped(c) {
			b.WriteByte('%')
			b.WriteByte(digits[c>>4])
			b.WriteByte(digits[c&15])
		} else {
			b.WriteByte(c)
		}
	}
}
