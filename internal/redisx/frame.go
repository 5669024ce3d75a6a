package redisx

import (
	"bytes"
	"errors"
	"strconv"
)

// errFrame is returned for bytes that are not RESP.
var errFrame = errors.New("redisx: malformed reply")

// maxDepth bounds how deep arrays may be nested in a frame. What this package reads is flat; pushes have two levels.
const maxDepth = 8

// frameEnd returns the length of the RESP frame that b begins with, or 0 if b does not hold all of it. RESP 2 and 3; see
// the protocol specification of Redis. It never looks beyond the frame.
func frameEnd(b []byte) (int, error) { return frameEndAt(b, 0) }

func frameEndAt(b []byte, depth int) (int, error) {
	line := bytes.IndexByte(b, '\n')
	if line < 0 {
		return 0, nil
	}
	if line < 2 || b[line-1] != '\r' || depth > maxDepth {
		return 0, errFrame
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
		return 0, errFrame
	}
}

func blobEnd(b []byte, begin int, length []byte) (int, error) {
	n, err := strconv.Atoi(string(length))
	switch {
	case err != nil || n < -1 || n > len(b) && n > 512<<20: // Redis's own limit
		return 0, errFrame
	case n == -1:
		return begin, nil
	case len(b) < begin+n+2:
		return 0, nil
	case b[begin+n] != '\r' || b[begin+n+1] != '\n':
		return 0, errFrame
	}
	return begin + n + 2, nil
}

func elementsEnd(b []byte, begin int, count []byte, each, depth int) (int, error) {
	n, err := strconv.Atoi(string(count))
	if err != nil || n < -1 || n > 1<<20 {
		return 0, errFrame
	}
	at := begin
	for range n * each {
		size, err := frameEndAt(b[at:], depth+1)
		if err != nil || size == 0 {
			return 0, err
		}
		at += size
	}
	return at, nil
}

// frameText returns the text of a whole frame of a string, or of an error.
func frameText(frame []byte) (text string, refused bool) {
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
