// Package envelope defines the bytes that stand under aside's keys in Redis.
//
// Four kinds of record share one prefix, so that a script can tell them apart by looking at three bytes, and can
// tell one write from every other by looking at nineteen:
//
//	0   1  magic, 0xA5
//	1   1  format version
//	2   1  kind: 'V' value, 'N' negative, 'L' lease, 'H' hold, 'G' generation, 'C' cooldown
//
// A value or negative entry goes on with a 16-byte token that no other write has, a CRC-32C of everything else, the
// time at which its load began, its time to live, the cost of the load, the fingerprint of the schema, the
// generations of its tags, the full key where the Redis key holds only a hash of it, the names of the tags that are only
// known from the value, and the payload. A lease is the
// prefix and its owner's token. A hold is a flag and one record per writer. A generation is the prefix and eight
// random bytes, a cooldown the prefix alone.
//
// Nothing in here trusts what it reads: whatever is not exactly a record of this format is [ErrForeign],
// [ErrVersion] or [ErrCorrupt], never a zero value.
package envelope
