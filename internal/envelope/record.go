package envelope

import (
	"encoding/binary"
	"math/rand/v2"
)

// Kind says what a record is.
type Kind byte

// The kinds of record.
const (
	Unknown    Kind = 0
	Value      Kind = 'V' // a loaded value
	Negative   Kind = 'N' // the source said that there is nothing
	Lease      Kind = 'L' // a loader is at work
	Hold       Kind = 'H' // a writer is at work
	Generation Kind = 'G' // the current generation of a tag
	Cooldown   Kind = 'C' // a refresh failed, and is not to be tried again yet
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
	// GenLen is the length of a generation's random part.
	GenLen = 8
)

// Token tells one write from all others: 128 random bits.
type Token [TokenLen]byte

// NewToken returns a token that has not been used before, as far as 128 random bits can promise it. Tokens guard
// against accidents between honest processes, so the runtime's ChaCha8 generator is enough.
func NewToken() Token {
	var t Token
	binary.LittleEndian.PutUint64(t[:8], rand.Uint64())
	binary.LittleEndian.PutUint64(t[8:], rand.Uint64())
	return t
}

// Gen is one generation of a tag. Evicting the tag ends its generation; entries of an ended generation are misses.
type Gen [GenLen]byte

// NewGen returns a generation that has not been used before. The zero Gen is never returned: it stands for none.
func NewGen() Gen {
	var g Gen
	for g == (Gen{}) {
		binary.LittleEndian.PutUint64(g[:], rand.Uint64())
	}
	return g
}

func prefix(k Kind) []byte { return []byte{magic, version, byte(k)} }

// HoldPrefix is what every hold begins with; the scripts receive it as an argument.
func HoldPrefix() []byte { return prefix(Hold) }

// ValuePrefix is what every value begins with.
func ValuePrefix() []byte { return prefix(Value) }

// LeasePrefix is what every lease begins with.
func LeasePrefix() []byte { return prefix(Lease) }

// NewLease returns the record of a lease owned by token.
func NewLease(token Token) []byte { return append(prefix(Lease), token[:]...) }

// NewGeneration returns the record of a generation.
func NewGeneration(g Gen) []byte { return append(prefix(Generation), g[:]...) }

// NewCooldown returns the record of a cooldown.
func NewCooldown() []byte { return prefix(Cooldown) }

// ParseGeneration reads a generation record. It reports false for anything else.
func ParseGeneration(b []byte) (Gen, bool) {
	var g Gen
	if KindOf(b) != Generation {
		return g, false
	}
	copy(g[:], b[PrefixLen:])
	return g, g != Gen{}
}

// A hold is its prefix, a flag and one record for each writer; the scripts read and write them.
const (
	holdHead   = PrefixLen + 1
	holdRecord = TokenLen + 14
)

// KindOf tells what a record claims to be, from its prefix and length. Unknown means that it is not one of this
// format.
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
	case Generation:
		fits = len(b) == PrefixLen+GenLen
	case Cooldown:
		fits = len(b) == PrefixLen
	}
	if !fits {
		return Unknown
	}
	return k
}

// Identity returns the start of a record by which a script recognises it. For what is not an entry or a lease it
// is as much of the bytes as an identity is long, which is enough to replace exactly what was seen.
func Identity(b []byte) []byte { return b[:min(len(b), IdentityLen)] }
