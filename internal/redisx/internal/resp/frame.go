package resp

import (
	"bytes"
	"errors"
	"strconv"
)

// ErrMalformed is returned for bytes that are not RESP.
var ErrMalformed = errors.New("redisx: malformed reply")

// maxDepth bounds how deep arrays may be nested in a frame. Replies to INFO are flat; pushes have two levels.
const maxDepth = 8

// End returns the length of the frame that b begins with, or 0 if b does not hold all of it. It never reads beyond the
// frame.
func End(b []byte) (int, error) { return endAt(b, 0) }

func endAt(b []byte, depth int) (int, error) {
	line := bytes.IndexByte(b, '\n')
	if line < 0 {
		return 0, nil
	}
	if line < 2 || b[line-1] != '\r' || depth > maxDepth {
		return 0, ErrMalformed
	}
	end, arg := line+1, b[1:line-1]
	switch b[0] {
	case '+', '-', ':', '_', ',', '#', '(':
		return end, nil
	case '$', '=', '!':
		return blobEnd(b, end, arg)
	case '*', '~', '>':
		return elementsEnd(b, end, arg, 1, depth)
	case '%':
		return elementsEnd(b, end, arg, 2, depth)
	default:
		return 0, ErrMalformed
	}
}

func blobEnd(b []byte, begin int, length []byte) (int, error) {
	n, err := strconv.Atoi(string(length))
	switch {
	case err != nil || n < -1 || n > len(b) && n > 512<<20: // Redis's own limit
		return 0, ErrMalformed
	case n == -1:
		return begin, nil
	case len(b) < begin+n+2:
		return 0, nil
	case b[begin+n] != '\r' || b[begin+n+1] != '\n':
		return 0, ErrMalformed
	}
	return begin + n + 2, nil
}

func elementsEnd(b []byte, begin int, count []byte, each, depth int) (int, error) {
	n, err := strconv.Atoi(string(count))
	if err != nil || n < -1 || n > 1<<20 {
		return 0, ErrMalformed
	}
	at := begin
	for range n * each {
		size, err := endAt(b[at:], depth+1)
		if err != nil || size == 0 {
			return 0, err
		}
		at += size
	}
	return at, nil
}

// Text returns the text of a whole frame that is a string or an error.
func Text(frame []byte) (text string, isError bool) {
	line := bytes.IndexByte(frame, '\n')
	switch frame[0] {
	case '-':
		return string(frame[1 : line-1]), true
	case '$', '=', '!':
		if body := frame[line+1:]; len(body) >= 2 {
			text = string(body[:len(body)-2])
		}
		return text, frame[0] == '!'
	default:
		return string(frame[1 : line-1]), false
	}
}
