package envelope

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"time"
)

// The errors of bytes that are not an entry.
var (
	ErrForeign = errors.New("envelope: not a record of aside")
	ErrVersion = errors.New("envelope: format version not known")
	ErrCorrupt = errors.New("envelope: damaged")
)

// Entry is a value or a negative result, with its metadata. The slices of a parsed entry point into the bytes that were
// parsed.
type Entry struct {
	Kind     Kind
	Token    Token
	Created  int64         // when the load began, in microseconds of Redis's clock
	TTL      time.Duration // how long it is fresh, in whole milliseconds; 0: it was expired
	Cost     time.Duration // how long the load took, in whole microseconds; of an expired entry see Expire
	Schema   uint64        // fingerprint of type and codec
	Versions []byte        // versions of its tags, VersionLen bytes each: those of the cache, of the key, of Tags
	Key      []byte        // the full key, where the Redis key holds a hash of it
	Tags     []string      // tags that only the value reveals
	Payload  []byte
}

// FreshFor is for how long after Created the entry counts, or counted, as fresh.
func (e *Entry) FreshFor() time.Duration {
	if e.TTL == 0 {
		return e.Cost
	}
	return e.TTL
}

// Expire ends the time to live of an entry that is as old as age. Nobody asks for the cost of the load of what is not fresh,
// so its field keeps for how long the entry was.
func (e *Entry) Expire(age time.Duration) {
	e.Token, e.Cost, e.TTL = NewToken(), min(e.FreshFor(), age.Truncate(time.Microsecond)), 0
}

const (
	crcLen    = 4
	headerLen = IdentityLen + crcLen + 8 + 8 // then varints: TTL, cost, number of versions, length of key, tags
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func checksum(b []byte) uint32 {
	crc := crc32.Update(0, castagnoli, b[:IdentityLen])
	return crc32.Update(crc, castagnoli, b[IdentityLen+crcLen:])
}

// Append appends e to dst and returns the extended slice. e.Kind is Value or Negative.
func Append(dst []byte, e *Entry) []byte {
	start := len(dst)
	dst = append(dst, magic, version, byte(e.Kind))
	dst = append(dst, e.Token[:]...)
	dst = append(dst, 0, 0, 0, 0)
	dst = binary.BigEndian.AppendUint64(dst, uint64(e.Created))
	dst = binary.BigEndian.AppendUint64(dst, e.Schema)
	dst = binary.AppendUvarint(dst, uint64(e.TTL.Milliseconds()))
	dst = binary.AppendUvarint(dst, uint64(e.Cost.Microseconds()))
	dst = binary.AppendUvarint(dst, uint64(len(e.Versions)/VersionLen))
	dst = append(dst, e.Versions...)
	dst = binary.AppendUvarint(dst, uint64(len(e.Key)))
	dst = append(dst, e.Key...)
	dst = binary.AppendUvarint(dst, uint64(len(e.Tags)))
	for _, tag := range e.Tags {
		dst = binary.AppendUvarint(dst, uint64(len(tag)))
		dst = append(dst, tag...)
	}
	dst = append(dst, e.Payload...)
	record := dst[start:]
	binary.BigEndian.PutUint32(record[IdentityLen:], checksum(record))
	return dst
}

// Size is an upper bound of the bytes that Append appends.
func Size(e *Entry) int {
	size := headerLen + (5+len(e.Tags))*binary.MaxVarintLen64 + len(e.Versions) + len(e.Key) + len(e.Payload)
	for _, tag := range e.Tags {
		size += len(tag)
	}
	return size
}

// Parse reads an entry. It does not copy: the slices of the result point into b.
func Parse(b []byte) (Entry, error) {
	if len(b) == 0 || b[0] != magic {
		return Entry{}, ErrForeign
	}
	if len(b) > 1 && b[1] != version {
		return Entry{}, ErrVersion
	}
	kind := KindOf(b)
	if kind != Value && kind != Negative {
		return Entry{}, ErrCorrupt
	}
	if binary.BigEndian.Uint32(b[IdentityLen:]) != checksum(b) {
		return Entry{}, ErrCorrupt
	}
	e := Entry{Kind: kind, Token: Token(b[PrefixLen:IdentityLen])}
	e.Created = int64(binary.BigEndian.Uint64(b[IdentityLen+crcLen:]))
	e.Schema = binary.BigEndian.Uint64(b[IdentityLen+crcLen+8:])
	r := reader{rest: b[headerLen:]}
	e.TTL = r.duration(time.Millisecond)
	e.Cost = r.duration(time.Microsecond)
	e.Versions = r.take(r.count(len(b)/VersionLen) * VersionLen)
	e.Key = r.take(r.count(len(b)))
	if n := r.count(len(b)); n > 0 && !r.failed {
		e.Tags = make([]string, n)
		for i := range e.Tags {
			e.Tags[i] = string(r.take(r.count(len(b))))
		}
	}
	e.Payload = r.rest
	if r.failed {
		return Entry{}, ErrCorrupt
	}
	return e, nil
}

// reader takes fields off the front of a slice. After a failure it returns zeros and stays failed.
type reader struct {
	rest   []byte
	failed bool
}

func (r *reader) uvarint() uint64 {
	v, n := binary.Uvarint(r.rest)
	if n <= 0 {
		r.failed, r.rest = true, nil
		return 0
	}
	r.rest = r.rest[n:]
	return v
}

func (r *reader) duration(unit time.Duration) time.Duration {
	v := r.uvarint()
	if v > uint64(1<<63-1)/uint64(unit) {
		r.failed = true
		return 0
	}
	return time.Duration(v) * unit
}

func (r *reader) count(limit int) int {
	v := r.uvarint()
	if v > uint64(limit) {
		r.failed = true
		return 0
	}
	return int(v)
}

func (r *reader) take(n int) []byte {
	if n > len(r.rest) {
		r.failed, r.rest = true, nil
		return nil
	}
	field := r.rest[:n:n]
	r.rest = r.rest[n:]
	return field
}
