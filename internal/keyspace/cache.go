package keyspace

import (
	"net/url"
	"strings"
)

// Cache names the entries of one cache: all keys "namespace:{name:...}".
type Cache struct {
	name, prefix string
}

// Cache returns the part of the keyspace that belongs to the cache called name.
func (k *Keyspace) Cache(name string) Cache { return Cache{name: name, prefix: k.prefix + name + ":"} }

// Name returns the name of the cache.
func (c Cache) Name() string { return c.name }

// Key returns the key of the entry for the given parts. Two lists of as many parts give the same key only if they
// are equal.
func (c Cache) Key(parts ...string) Key { return textKey(c.prefix, join(parts)) }

// Pattern is a glob that matches the Redis keys of all entries.
func (c Cache) Pattern() string { return Literal(c.prefix) + "*}" }

// Hashed reports whether a Redis key is a hash, so that only the entry tells what its key is.
func (c Cache) Hashed(addr string) bool { return strings.HasPrefix(addr, c.prefix+"~") }

// Unhash returns the key of an entry that was found at addr and that says that its key is full. It reports false if that
// entry does not belong there.
func (c Cache) Unhash(addr, full string) (Key, bool) {
	key := textKey(c.prefix, full)
	return key, key.addr == addr && key.full == full
}

// Parts is the opposite of [Cache.Key]. It reports false for what is not the key of an entry.
func (c Cache) Parts(key Key) ([]string, bool) {
	text := key.full
	if text == "" {
		inner, prefixed := strings.CutPrefix(key.addr, c.prefix)
		inner, closed := strings.CutSuffix(inner, "}")
		if !prefixed || !closed {
			return nil, false
		}
		text = inner
	}
	parts := strings.Split(text, ",")
	for i, part := range parts {
		plain, err := url.PathUnescape(part) // accepts more than Key writes, hence the check below
		if err != nil {
			return nil, false
		}
		parts[i] = plain
	}
	return parts, c.Key(parts...) == key
}

// Literal escapes what a glob would take for a wildcard.
func Literal(s string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`, `]`, `\]`).Replace(s)
}
