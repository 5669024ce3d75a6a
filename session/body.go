package session

import "encoding/binary"

const (
	maxUser  = 512
	maxLabel = 256
)

// Flash is a message for the next page.
type Flash struct{ Kind, Text string }

// body is the part of a stored session that only Go reads.
type body struct {
	user    string
	label   string
	flashes []Flash
	payload []byte // nil until data is first stored
}

// size is how many bytes of data the program has put into the session.
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
	if n > uint64(len(p.rest)) { // a flash takes two bytes or more
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

// parser reads numbers and texts from the front of rest. Once bad is set, it returns zero values.
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
