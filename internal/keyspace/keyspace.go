package keyspace

import (
	"strconv"
	"strings"
)

// TagBuckets is the number of buckets that tags are spread over; see package tagversion.
const TagBuckets = 16

// Keyspace names the keys of one namespace.
type Keyspace struct {
	namespace  string
	prefix     string // of every key that tracking reports
	tagPrefix  string
	everything Key
	buckets    [TagBuckets]Key
}

// New returns the keyspace of a namespace.
func New(namespace string) *Keyspace {
	k := &Keyspace{namespace: namespace, prefix: namespace + ":{"}
	k.tagPrefix = k.prefix + "#tag:"
	k.everything = Key{addr: k.prefix + "#everything}"}
	for i := range k.buckets {
		k.buckets[i] = textKey(k.prefix+"#tags:", strconv.Itoa(i))
	}
	return k
}

// Namespace returns the name of the namespace.
func (k *Keyspace) Namespace() string { return k.namespace }

// Prefix is the beginning of every key whose changes a process has to know of.
func (k *Keyspace) Prefix() string { return k.prefix }

// Pattern is the ACL pattern of all keys of the namespace.
func (k *Keyspace) Pattern() string { return k.namespace + ":*" }

// Everything returns the key of the version that every entry of the namespace depends on.
func (k *Keyspace) Everything() Key { return k.everything }

// All returns the key of the version that every entry of a cache depends on.
func (k *Keyspace) All(cache string) Key { return textKey(k.prefix+"#all:", cache) }

// Tag returns the key of a tag's version.
func (k *Keyspace) Tag(tag string) Key { return textKey(k.tagPrefix, join([]string{tag})) }

// TagBucket returns the key of a bucket's version.
func (k *Keyspace) TagBucket(i int) Key { return k.buckets[i] }

// IsTag reports whether a Redis key is that of a tag's version.
func (k *Keyspace) IsTag(addr string) bool { return strings.HasPrefix(addr, k.tagPrefix) }

// IsEntry reports whether a Redis key is that of an entry.
func (k *Keyspace) IsEntry(addr string) bool {
	return strings.HasPrefix(addr, k.prefix) && !strings.HasPrefix(addr, k.prefix+"#")
}

// Group is what all keys have in common that are evicted alike: the entries of one cache. Any other key is a group of its own.
func (k *Keyspace) Group(addr string) string {
	if !k.IsEntry(addr) {
		return addr
	}
	name, _, _ := strings.Cut(addr[len(k.prefix):], ":")
	return name
}

// Probe returns a Redis key that holds nothing of value, with changes that tracking reports.
func (k *Keyspace) Probe(text string) string { return k.prefix + "#probe:" + text + "}" }

// Checkpoint returns the Redis key of a checkpoint. Tracking does not report it: nothing that is cached depends on it.
func (k *Keyspace) Checkpoint(name string) string {
	return textKey(k.namespace+":#bookmark:{", join([]string{name})).addr
}

// Kind is what the eviction of a key evicts.
type Kind uint8

// The kinds.
const (
	KindKey        Kind = iota // one entry
	KindTag                    // all entries with a tag
	KindAll                    // all entries of a cache
	KindEverything             // all entries of the namespace
)

// KindOf tells what the eviction of a key evicts. No cache has a name that begins with '#'.
func (k *Keyspace) KindOf(key Key) Kind {
	rest := strings.TrimPrefix(key.addr, k.prefix)
	switch {
	case !strings.HasPrefix(rest, "#"):
		return KindKey
	case strings.HasPrefix(rest, "#tag:"):
		return KindTag
	case strings.HasPrefix(rest, "#all:"):
		return KindAll
	default:
		return KindEverything
	}
}
