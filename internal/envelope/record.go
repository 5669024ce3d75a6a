package envelope

import (
	"encoding/binary"
	"math/rand/v2"
)

// Kind is the kind of a record.
type Kind byte

// The kinds of record.
const (
	Unknown    Kind = 0
	Value      Kind = 'V' // a loaded value
	Negative   Kind = 'N' // the source has no value
	Lease      Kind = 'L' // a loader is at work
	Hold       Kind = 'H' // a writer is at work
	TagVersion Kind = 'G' // the current version of a tag
	Cooldown   Kind = 'C' // a load failed, and must not be tried again yet
)

const (
	magic   = 0xA5
	version = 1

	// PrefixLen is the length of magic, version and kind.
	PrefixLen = 3
	// TokenLen is the length of a token.
	TokenLen = 16
	// IdentityLen is the length of the start of an entry or lease that no other write shares.
	IdentityLen = PrefixLen + TokenLen
	// VersionLen is the length of the random part of a tag version.
	VersionLen = 8
)

// Token distinguishes one write from all others: 128 random bits.
type Token [TokenLen]byte

// NewToken returns a token that, with 128 random bits, nobody else has. Tokens guard against accidents between honest
// processes, so the runtime's ChaCha8 generator is enough.
func NewToken() Token {
	var t Token
	binary.LittleEndian.PutUint64(t[:8], rand.Uint64())
	binary.LittleEndian.PutUint64(t[8:], rand.Uint64())
	return t
}

// Version is one version of a tag. An eviction of the tag ends its version; entries of an ended version are misses.
type Version [VersionLen]byte

// NewVersion returns a new version. It never returns the zero Version, which means none.
func NewVersion() Version {
	var g Version
	for g == (Version{}) {
		binary.LittleEndian.PutUint64(g[:], rand.Uint64())
	}
	return g
}

func prefix(k Kind) []byte { return []byte{magic, version, byte(k)} }

// HoldPrefix is the start of every hold. Scripts receive it as an argument.
func HoldPrefix() []byte { return prefix(Hold) }

// ValuePrefix is the start of every value.
func ValuePrefix() []byte { return prefix(Value) }

// LeasePrefix is the start of every lease.
func LeasePrefix() []byte { return prefix(Lease) }

// NewLease returns the record of a lease owned by token.
func NewLease(token Token) []byte { return append(prefix(Lease), token[:]...) }

// NewTagVersion returns the record of a tag version.
func NewTagVersion(g Version) []byte { return append(prefix(TagVersion), g[:]...) }

// Pause is what a cooldown keeps everybody from.
type Pause byte

// The pauses.
const (
	PauseAhead Pause = 'A' // another refresh of a value that is fresh
	PauseStale Pause = 'S' // another load of a value that is no longer fresh
)

// NewCooldown returns the record of a cooldown. It is about one version, that of the token, and ends with it.
func NewCooldown(p Pause, version Token) []byte {
	return append(append(prefix(Cooldown), byte(p)), version[:]...)
}

// IdentityToken returns the token in the identity of an entry, or the zero Token.
func IdentityToken(identity []byte) (t Token) {
	if len(identity) >= IdentityLen {
		t = Token(identity[PrefixLen:IdentityLen])
	}
	return t
}

// ParseTagVersion reads the record of a tag version. It reports false for anything else.
func ParseTagVersion(b []byte) (Version, bool) {
	var g Version
	if KindOf(b) != TagVersion {
		return g, false
	}
	copy(g[:], b[PrefixLen:])
	return g, g != Version{}
}

// A hold is its prefix, a flag and one record for each writer. Scripts read and write it.
const (
	holdHead   = PrefixLen + 1
	holdRecord = TokenLen + 14
)

// cooldownLen is not the length of a lease, which scripts tell by its length.
const cooldownLen = PrefixLen + 1 + TokenLen

// KindOf returns the kind of a record by its prefix and length. Unknown means that it is not a record of this format.
func KindOf(b []byte) Kind {
	if len(b) < PrefixLen || b[0] != magic || b[1] != version {
		return Unknown
	}
	k, fits := Kind(b[2]), false
	switch k {
	case Value, Negative:
		fits = len(b) >= headerLen
	case Lease:
		fits = len(b) == IdentityLen
	case Hold:
		fits = len(b) > holdHead && (len(b)-holdHead)%holdRecord == 0
	case TagVersion:
		fits = len(b) == PrefixLen+VersionLen
	case Cooldown:
		fits = len(b) == cooldownLen || len(b) == PrefixLen // of an older program
	}
	if !fits {
		return Unknown
	}
	return k
}

// Identity returns the start of a record by which a script recognises it. Of other records than entries and leases it
// returns as many bytes, which is enough to replace exactly the record that was read.
func Identity(b []byte) []byte { return b[:min(len(b), IdentityLen)] }
