package session

import (
	"crypto/sha256"
	"encoding/binary"
	"strconv"
)

const (
	headBytes     = 100 // including the byte that says whether a previous id follows
	previousBytes = sha256.Size + 14 + idBytes
	versionBytes  = 8
	ownerBytes    = headBytes + previousBytes + 2*binary.MaxVarintLen64 + maxUser + maxLabel
)

// record is a session as Redis stores it; lua/head.lua documents the layout. Its times are in milliseconds of the clock
// of the server that holds it. Scripts compare them with that clock, and with no other.
type record struct {
	final    bool // it can't be extended any more: its absolute deadline comes first
	own      bool // it has a lifetime of its own
	version  string
	hash     [sha256.Size]byte
	began    int64
	seen     int64
	deadline int64

	hasPrevious  bool
	previous     [sha256.Size]byte
	previousGood int64         // until when the previous id is valid
	sealed       [idBytes]byte // the current id, readable with the previous one

	body body
}

func parseRecord(raw string) (r record, ok bool) {
	rest, ok := r.parseHead(raw)
	if !ok {
		return record{}, false
	}
	if r.body, ok = parseBody(rest); !ok {
		return record{}, false
	}
	return r, true
}

// parseOwner reads the head, the user and the label, all of which are within the first ownerBytes of a record.
func parseOwner(raw string) (r record, ok bool) {
	rest, ok := r.parseHead(raw)
	if !ok {
		return record{}, false
	}
	p := parser{rest: rest}
	r.body.user, r.body.label = p.text(), p.text()
	return r, !p.bad
}

func (r *record) parseHead(raw string) (rest string, ok bool) {
	if len(raw) < headBytes || raw[:2] != "s1" || raw[2] != 'L' && raw[2] != 'F' && raw[2] != 'R' {
		return "", false
	}
	r.final, r.own, r.version = raw[2] == 'F', raw[2] == 'R', raw[3:11]
	copy(r.hash[:], raw[11:43])
	var began, deadline, seen bool
	r.began, began = digits(raw[43:57])
	r.deadline, deadline = digits(raw[71:85])
	r.seen, seen = digits(raw[85:99])
	if !began || !deadline || !seen {
		return "", false
	}
	switch rest = raw[headBytes:]; raw[headBytes-1] {
	case '0':
		return rest, true
	case '1':
		return r.parsePrevious(rest)
	}
	return "", false
}

func (r *record) parsePrevious(raw string) (rest string, ok bool) {
	if len(raw) < previousBytes {
		return "", false
	}
	r.hasPrevious = true
	copy(r.previous[:], raw[:32])
	copy(r.sealed[:], raw[46:78])
	r.previousGood, ok = digits(raw[32:46])
	return raw[previousBytes:], ok
}

func digits(text string) (int64, bool) {
	for i := range len(text) {
		if text[i] < '0' || text[i] > '9' {
			return 0, false
		}
	}
	n, err := strconv.ParseInt(text, 10, 64)
	return n, err == nil
}
