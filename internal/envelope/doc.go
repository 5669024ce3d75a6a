// Package envelope defines the values of aside's keys in Redis.
//
// All kinds of record share one prefix, so that a script needs three bytes to distinguish them, and nineteen to distinguish
// one write from every other:
//
//	0   1  magic, 0xA5
//	1   1  format version
//	2   1  kind: 'V' value, 'N' negative, 'L' lease, 'H' hold, 'G' tag version, 'C' cooldown
//
// In a value or negative entry these fields follow the prefix:
//
//   - a 16-byte token that no other write has, and a CRC-32C of everything else;
//   - when the load began, the time to live, and the cost of the load (or, of an expired entry, see [Entry.Expire]);
//   - the fingerprint of the schema;
//   - the versions of its tags;
//   - the full key, where the Redis key holds only a hash of it;
//   - the names of the tags that only the value reveals;
//   - the payload.
//
// A lease is the prefix and its owner's token. A hold is the prefix, a flag and one record per writer. A tag version
// is the prefix and eight random bytes. A cooldown is the prefix, what it keeps everybody from, and the token of the
// version that it is about; an older program writes the prefix alone, which is about no version.
//
// Nothing in here trusts its input. Bytes that are not exactly a record of this format are [ErrForeign], [ErrVersion] or
// [ErrCorrupt], never a zero value.
package envelope
