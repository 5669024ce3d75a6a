package ranges

import (
	"bytes"
	"fmt"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"strconv"
	"strings"

	"github.com/jollyjet/aside/httpcache/internal/field"
)

// Plan says which parts of a body are sent. The zero Plan sends the whole.
type Plan struct {
	Ranges        []Range
	Unsatisfiable bool // nothing of what was asked for exists: 416
}

// For returns the plan for a request with these fields and a stored answer of this size. Range is for GET and 200 only.
func For(method string, request http.Header, status int, stored http.Header, size int64) Plan {
	lines := request.Values("Range")
	if method != http.MethodGet || status != http.StatusOK || len(lines) != 1 || refused(stored) {
		return Plan{}
	}
	parts, ok := parse(lines[0], size)
	switch {
	case !ok:
		return Plan{}
	case len(parts) == 0:
		return Plan{Unsatisfiable: true}
	case sum(parts) > size:
		return Plan{} // overlapping: the whole is less
	default:
		return Plan{Ranges: parts}
	}
}

// refused reports whether the handler said that it doesn't want to send parts.
func refused(stored http.Header) bool {
	units := field.List(stored.Values("Accept-Ranges"))
	return len(units) == 1 && strings.EqualFold(units[0], "none")
}

func sum(parts []Range) (n int64) {
	for _, r := range parts {
		n += r.Length // at most maxRanges times the size of a body in memory
	}
	return n
}

// Answer returns what is sent of the stored answer. header is a copy; part may be a piece of body.
func (p Plan) Answer(status int, stored http.Header, body []byte) (sent int, header http.Header, part []byte) {
	size := int64(len(body))
	switch {
	case p.Unsatisfiable:
		return http.StatusRequestedRangeNotSatisfiable, unsatisfiable(stored, size), nil
	case len(p.Ranges) == 0:
		return status, stored.Clone(), body
	case len(p.Ranges) == 1:
		r := p.Ranges[0]
		header, part = stored.Clone(), body[r.Start:r.Start+r.Length]
		header.Set("Content-Range", r.contentRange(size))
	default:
		var contentType string
		part, contentType = p.multipart(stored.Get("Content-Type"), body)
		header = stored.Clone()
		header.Set("Content-Type", contentType)
		header.Del("Content-Range") // each part has its own
	}
	header.Set("Content-Length", strconv.Itoa(len(part)))
	return http.StatusPartialContent, header, part
}

// multipart writes several parts into one body (RFC 9110, section 14.6).
func (p Plan) multipart(contentType string, body []byte) (parts []byte, ownType string) {
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for _, r := range p.Ranges {
		header := textproto.MIMEHeader{"Content-Range": {r.contentRange(int64(len(body)))}}
		if contentType != "" {
			header.Set("Content-Type", contentType)
		}
		part, _ := w.CreatePart(header) // a write to memory doesn't fail
		_, _ = part.Write(body[r.Start : r.Start+r.Length])
	}
	_ = w.Close()
	return b.Bytes(), "multipart/byteranges; boundary=" + w.Boundary()
}

func (r Range) contentRange(size int64) string {
	return fmt.Sprintf("bytes %d-%d/%d", r.Start, r.Start+r.Length-1, size)
}

// unsatisfiable are the fields of a 416: how long the body is, and what lets a browser read that. It has nothing of the
// stored answer by which a cache on the way might keep it.
func unsatisfiable(stored http.Header, size int64) http.Header {
	header := http.Header{}
	for name, lines := range stored {
		if name == "Date" || name == "Vary" || strings.HasPrefix(name, "Access-Control-") {
			header[name] = append([]string(nil), lines...)
		}
	}
	header.Set("Cache-Control", "no-store")
	header.Set("Content-Length", "0")
	header.Set("Content-Range", fmt.Sprintf("bytes */%d", size))
	return header
}
