package store

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// Key is where an entry, or the generation of a tag, lives in Redis.
type Key struct {
	addr string // the Redis key
	full string // what the entry must say that its key is; empty where addr says it all
}

// String returns the key as redis-cli shows it.
func (k Key) String() string { return k.addr }

// maxKeyText is the longest text that stands in a Redis key as it is. A longer one is hashed, and the entry holds it
// in full, so that a collision would be a miss.
const maxKeyText = 200

// The key of an entry is "namespace:{name:text}": the braces make all of it the hash tag, so that whatever belongs to
// an entry can share its slot.
func entryPrefix(namespace, name string) string  { return namespace + ":{" + name + ":" }
func markerKey(namespace, kind, text string) Key { return textKey(namespace+":{#"+kind+":", text) }
func everythingKey(namespace string) Key         { return Key{addr: namespace + ":{#everything}"} }
func probeKey(namespace, text string) string     { return namespace + ":{#probe:" + text + "}" }
func feedPrefix(namespace string) string         { return namespace + ":{" }
func isEntryKey(namespace, addr string) bool {
	return strings.HasPrefix(addr, namespace+":{") && !strings.HasPrefix(addr, namespace+":{#")
}

// textKey returns the key for escaped text, which it hashes where it is long. The hash begins with '~', which no
// escaped text does.
func textKey(prefix, text string) Key {
	if len(text) <= maxKeyText {
		return Key{addr: prefix + text + "}"}
	}
	sum := sha256.Sum256([]byte(text))
	return Key{addr: prefix + "~" + hex.EncodeToString(sum[:]) + "}", full: text}
}

// joinParts escapes each part and joins them, so that two lists of the same length never give the same text.
func joinParts(parts []string) string {
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

// escaped tells the bytes that do not stand for themselves: those that end a hash tag, separate parts, begin an
// escape or a hash, or that a terminal would not show.
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
