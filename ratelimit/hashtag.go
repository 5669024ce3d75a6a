package ratelimit

import (
	"crypto/sha256"
	"encoding/base64"
	"strings"
)

const maxHashTag = 96

// hashTagOf turns a caller's key into what stands between braces in a Redis key, where Cluster finds the slot. Two keys
// never share a hash tag: one that is used as it is contains no % and no #, and a digest has 128 bits.
func hashTagOf(key string) string {
	if key == "" {
		return "#"
	}
	plain := len(key) <= maxHashTag
	for i := 0; i < len(key) && plain; i++ {
		plain = isPlain(key[i])
	}
	if plain {
		return key
	}
	if s := escape(key, isPlain); len(s) <= maxHashTag {
		return s
	}
	return "#" + digest(key)
}

func isPlain(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("._~:/@+=,|-", c) >= 0
}

func escape(s string, plain func(byte) bool) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; plain(c) {
			b.WriteByte(c)
		} else {
			b.Write([]byte{'%', hex[c>>4], hex[c&15]})
		}
	}
	return b.String()
}

// digest names a secret without revealing it: 128 bits of SHA-256.
func digest(s string) string {
	sum := sha256.Sum256([]byte(s))
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}
