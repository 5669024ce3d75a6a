package session

import (
	"crypto/sha256"
	"encoding/binary"
	"strconv"
)

const (
	headBytes     = 100 // with the byte that says whether there is a previous id
	previousBytes = sha256.Size + 14 + idBytes
	versionBytes  = 8
	ownerBytes    = headBytes + previousBytes + 2*binary.MaxVarintLen64 + maxUser + maxLabel
)

// record is a session as it is in Redis; lua/head.lua has the layout. Its times are milliseconds of the clock of the
// server that holds it, and are compared with that clock alone, by scripts.
type record struct {
	final    bool
	version  string
	hash     [sha256.Size]byte
	began    int64
	seen     int64
	deadline int64

	hasPrevious  bool
	previous     [sha256.Size]byte
	previousGood int64 // until when
	sealed       [idBytes]byte

	body body
}

// body is the part that only Go reads.
type body struct {
	user    string
	label   string
	flashes []Flash
	payload []byte // nil before the first data
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

// parseOwner reads what the first ownerBytes of a record hold: the head, the user and the label.
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
	if len(raw) < headBytes || raw[:2] != "s1" || raw[2] != 'L' && raw[2] != 'F' {
		return "", false
	}
	r.final, r.version = raw[2] == 'F', raw[3:11]
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

// size is how many bytes of data the user of the session has put into it.
func (b *body) size() int {
	n := len(b.payload)
	for _, f := range b.flashes {
		n += len(f.Kind) + len(f.Text)
	}
	return n
}

func (b *body) append(raw []byte) []byte {
	raw = appendText(raw, b.user)
	raw = appendText(raw, b.label)
	raw = binary.AppendUvarint(raw, uint64(len(b.flashes)))
	for _, f := range b.flashes {
		raw = appendText(appendText(raw, f.Kind), f.Text)
	}
	if b.payload == nil {
		return append(raw, 0)
	}
	return append(append(raw, 1), b.payload...)
}

func appendText(raw []byte, text string) []byte {
	return append(binary.AppendUvarint(raw, uint64(len(text))), text...)
}

func parseBody(raw string) (b body, ok bool) {
	p := parser{rest: raw}
	b.user, b.label = p.text(), p.text()
	n := p.number()
	if n > uint64(len(p.rest)) { // each takes two bytes or more
		return body{}, false
	}
	for range n {
		b.flashes = append(b.flashes, Flash{Kind: p.text(), Text: p.text()})
	}
	if p.bad || p.rest == "" {
		return body{}, false
	}
	switch p.rest[0] {
	case 0:
		return b, len(p.rest) == 1
	case 1:
		b.payload = []byte(p.rest[1:])
		return b, true
	}
	return body{}, false
}

type parser struct {
	rest string
	bad  bool
}

func (p *parser) number() uint64 {
	n, width := binary.Uvarint([]byte(p.rest[:min(len(p.rest), binary.MaxVarintLen64)]))
	if width <= 0 || p.bad {
		p.bad = true
		return 0
	}
	p.rest = p.rest[width:]
	return n
}

func (p *parser) text() string {
	n := p.number()
	if p.bad || n > uint64(len(p.rest)) {
		p.bad = true
		return ""
	}
	text := p.rest[:n]
	p.rest = p.rest[n:]
	return text
}
