package conditional

import (
	"net/http"
	"time"

	"github.com/jollyjet/aside/httpcache/internal/field"
)

// Stored is what conditions are evaluated on.
type Stored struct {
	Status   int
	Header   http.Header
	Received time.Time // when it was fetched
}

// Outcome is what a request is answered with.
type Outcome int

// The outcomes.
const (
	Send               Outcome = iota // the answer itself
	NotModified                       // 304, with the fields of [NotModifiedHeader]
	PreconditionFailed                // 412
)

// Evaluate evaluates the conditions of a request in the order of RFC 9110, section 13.2.2. If-Range is apart: see
// [RangeApplies].
func Evaluate(method string, request http.Header, stored Stored, now time.Time) Outcome {
	if stored.Status < 200 || stored.Status > 299 {
		return Send // RFC 9110, section 13.2.1: conditions are about a success
	}
	read := method == http.MethodGet || method == http.MethodHead
	if lines := request.Values("If-Match"); len(lines) > 0 {
		if !matches(lines, stored.Header, strongly) {
			return PreconditionFailed
		}
	} else if changedSince(request.Values("If-Unmodified-Since"), stored, now) {
		return PreconditionFailed
	}
	if lines := request.Values("If-None-Match"); len(lines) > 0 {
		switch {
		case !matches(lines, stored.Header, weakly):
			return Send
		case read:
			return NotModified
		default:
			return PreconditionFailed
		}
	}
	if read && unchangedSince(request.Values("If-Modified-Since"), stored, now) {
		return NotModified
	}
	return Send
}

// OriginOnly reports whether a request has a condition that a cache must leave to the handler (RFC 9111, section 4.3.2): it
// is about what the handler has now, not about what was stored.
func OriginOnly(request http.Header) bool {
	return len(request.Values("If-Match")) > 0 || len(request.Values("If-Unmodified-Since")) > 0
}

// RangeApplies reports whether the Range of a request may be answered from the stored answer: it has no If-Range, or one
// that names this very answer (RFC 9110, section 13.1.5). If not, the whole is sent.
func RangeApplies(request http.Header, stored Stored, now time.Time) bool {
	lines := request.Values("If-Range")
	if len(lines) == 0 {
		return true
	}
	if len(lines) > 1 {
		return false
	}
	if asked, ok := field.Date(lines[0], now); ok {
		modified, strong := lastModified(stored.Header, now)
		return strong && modified.Equal(asked)
	}
	tag, ok := etag(stored.Header)
	return ok && wellFormed(tag) && strongly(lines[0], tag)
}

// lastModified returns when an answer was changed last. It is strong if it can't have been changed once more in the same
// second: Date is later by one at least (RFC 9110, section 8.8.2.2).
func lastModified(answer http.Header, now time.Time) (at time.Time, strong bool) {
	at, ok := field.Date(answer.Get("Last-Modified"), now)
	if !ok {
		return time.Time{}, false
	}
	date, ok := field.Date(answer.Get("Date"), now)
	return at, ok && date.Sub(at) >= time.Second
}

// changedSince is the failure of If-Unmodified-Since. What is no date, or about an answer that has none, is ignored.
func changedSince(lines []string, stored Stored, now time.Time) bool {
	asked, ok := one(lines, now)
	modified, _ := lastModified(stored.Header, now)
	return ok && !modified.IsZero() && modified.After(asked)
}

// unchangedSince is the failure of If-Modified-Since. An answer without Last-Modified counts as changed when it was made
// (RFC 9111, section 4.3.2).
func unchangedSince(lines []string, stored Stored, now time.Time) bool {
	asked, ok := one(lines, now)
	if !ok {
		return false
	}
	changed, _ := lastModified(stored.Header, now)
	if changed.IsZero() {
		if changed, ok = field.Date(stored.Header.Get("Date"), now); !ok {
			changed = stored.Received
		}
	}
	return !changed.After(asked)
}

// one reads a field that is a single date.
func one(lines []string, now time.Time) (time.Time, bool) {
	if len(lines) != 1 {
		return time.Time{}, false
	}
	return field.Date(lines[0], now)
}
