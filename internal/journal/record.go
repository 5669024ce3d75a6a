package journal

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"math"
	"strings"
	"time"
)

// Entry is a pending eviction.
type Entry struct {
	Key    string
	Number uint64    // distinguishes evictions of the same key
	Since  time.Time // since when it is pending, in whole microseconds
	Until  time.Time // until when the key is held; zero: it is not
}

// A file is a header and records. A record is the length of its body and the body's checksum, each four bytes, and the
// body. The body is a type, the number, since and until of a pending entry, all as varints, and the key. A done record
// without a key says how long the evictions had been waiting then; its number is in microseconds.
const (
	magic      = "aside journal 1\n"
	recordHead = 8
	maxBody    = 1 << 12 // keys are shorter than 1 kB
	searched   = 1 << 16 // how much of a file without a head is searched for records
)

const (
	bodyOwner = 'O' // the key is the owner's name; the first record, and only that
	bodyWaits = 'W'
	bodyDone  = 'D'
)

var (
	errForeign = errors.New("not a journal of evictions")
	errOwner   = errors.New("the journal of another namespace")

	castagnoli = crc32.MakeTable(crc32.Castagnoli)
)

// record is a record to be written.
type record struct {
	what byte
	Entry
}

// waitedRecord says how long evictions have been waiting.
func waitedRecord(d time.Duration) record {
	return record{bodyDone, Entry{Number: uint64(max(0, d.Microseconds()))}} //nolint:gosec // not negative
}

func appendRecord(b []byte, what byte, e *Entry) []byte {
	start := len(b)
	b = append(b, make([]byte, recordHead)...)
	b = append(b, what)
	b = binary.AppendUvarint(b, e.Number)
	if what == bodyWaits {
		b = binary.AppendVarint(b, micros(e.Since))
		b = binary.AppendVarint(b, micros(e.Until))
	}
	b = append(b, e.Key...)
	body := b[start+recordHead:]
	binary.LittleEndian.PutUint32(b[start:], uint32(len(body))) //nolint:gosec // at most maxBody
	binary.LittleEndian.PutUint32(b[start+4:], crc32.Checksum(body, castagnoli))
	return b
}

// encode appends records.
func encode(b []byte, records []record) []byte {
	for i := range records {
		b = appendRecord(b, records[i].what, &records[i].Entry)
	}
	return b
}

func header(owner string) []byte {
	return appendRecord([]byte(magic), bodyOwner, &Entry{Key: owner})
}

// micros and moment keep the zero time as it is.
func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func moment(micros int64) time.Time {
	if micros == 0 {
		return time.Time{}
	}
	return time.UnixMicro(micros)
}

// content is the content of a file.
type content struct {
	waiting map[string]Entry
	waited  time.Duration // how long they had been waiting when the process was last known to live
	records int
	end     int64 // of the last whole record: a record that a crash cut short may follow
	damaged bool  // not all of the file can be read
	emptied bool  // there was a file, with nothing in it
}

// decode reads a file. It returns an error for a file that is not a journal of the owner, and must not be overwritten.
func decode(b []byte, owner string) (content, error) {
	c := content{waiting: make(map[string]Entry)}
	if len(b) < len(magic) && strings.HasPrefix(magic, string(b)) {
		return c, nil // empty, or cut off when it was made
	}
	rest, headed := strings.CutPrefix(string(b), magic)
	if !headed {
		if !ours(rest) {
			return c, errForeign
		}
		c.damaged = true // it was truncated while somebody appended to it, or clobbered at its start
	}
	for first := headed; rest != ""; first = false {
		what, e, after, ok := cutRecord(rest)
		switch {
		case !ok:
			c.damaged = c.damaged || !torn(rest)
			return c, nil
		case first != (what == bodyOwner):
			c.damaged = true
			return c, nil
		case first && e.Key != owner:
			return c, errOwner
		}
		c.apply(what, e)
		rest = after
		c.end = int64(len(b) - len(rest))
	}
	return c, nil
}

// apply does to the content what a record says.
func (c *content) apply(what byte, e Entry) {
	c.records++
	switch {
	case what == bodyWaits:
		c.waiting[e.Key] = e
	case what == bodyDone && e.Key == "":
		c.waited = time.Duration(min(e.Number, math.MaxInt64/1000)) * time.Microsecond //nolint:gosec // it fits
	case what == bodyDone && c.waiting[e.Key].Number == e.Number:
		delete(c.waiting, e.Key)
	}
}

// ours reports whether a file without the head of a journal was one: a whole record is in it, or nothing but zeros.
func ours(b string) bool {
	if strings.Trim(b, "\x00") == "" {
		return true
	}
	for at := range b[:min(len(b), searched)] {
		if _, _, _, ok := cutRecord(b[at:]); ok {
			return true
		}
	}
	return false
}

// cutRecord takes the first record off b. It reports false for one that is not whole.
func cutRecord(b string) (what byte, e Entry, rest string, ok bool) {
	if len(b) < recordHead {
		return 0, e, b, false
	}
	n, sum := binary.LittleEndian.Uint32([]byte(b[:4])), binary.LittleEndian.Uint32([]byte(b[4:recordHead]))
	if n == 0 || n > maxBody || uint64(n) > uint64(len(b)-recordHead) {
		return 0, e, b, false
	}
	body := []byte(b[recordHead : recordHead+n])
	if crc32.Checksum(body, castagnoli) != sum {
		return 0, e, b, false
	}
	what, e, ok = parseBody(body)
	return what, e, b[recordHead+n:], ok
}

func parseBody(body []byte) (what byte, e Entry, ok bool) {
	what, body = body[0], body[1:]
	number, n := binary.Uvarint(body)
	if n <= 0 || what != bodyOwner && what != bodyWaits && what != bodyDone {
		return what, e, false
	}
	e.Number, body = number, body[n:]
	if what == bodyWaits {
		var times [2]int64
		for i := range times {
			if times[i], n = binary.Varint(body); n <= 0 {
				return what, e, false
			}
			body = body[n:]
		}
		e.Since, e.Until = moment(times[0]), moment(times[1])
	}
	e.Key = string(body)
	return what, e, true
}

// torn reports whether what is left at the end of a file is a record that was being written when the process or the
// machine died: cut short, or with nothing but zeros where it should be. A whole record after it says that it is not.
func torn(rest string) bool {
	if strings.Trim(rest, "\x00") == "" {
		return true
	}
	if len(rest) > recordHead+maxBody {
		return false
	}
	for at := 1; at < len(rest); at++ {
		if _, _, _, ok := cutRecord(rest[at:]); ok {
			return false
		}
	}
	return true
}
