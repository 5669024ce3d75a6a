package ranges

import (
	"math"
	"strings"
)

// Range is a part of a body.
type Range struct {
	Start, Length int64 // bytes; Length isn't 0
}

// parse reads the value of Range for a body of size bytes. It returns the ranges that exist, and not ok if the value isn't
// well-formed or of another unit than bytes.
func parse(value string, size int64) (ranges []Range, ok bool) {
	unit, set, found := strings.Cut(value, "=")
	if !found || !strings.EqualFold(unit, "bytes") {
		return nil, false
	}
	specs := 0
	for spec := range strings.SplitSeq(set, ",") {
		if spec = strings.Trim(spec, " \t"); spec == "" {
			continue // a list may have empty members
		}
		r, valid := parseSpec(spec, size)
		if specs++; !valid || specs > maxRanges {
			return nil, false
		}
		if r.Length > 0 {
			ranges = append(ranges, r)
		}
	}
	return ranges, specs > 0
}

// maxRanges is how many ranges of one request are looked at. More are an attack (RFC 9110, section 17.15).
const maxRanges = 32

// parseSpec reads "first-last", "first-" or "-suffix". A range that begins after the body has no Length.
func parseSpec(spec string, size int64) (r Range, valid bool) {
	from, to, found := strings.Cut(spec, "-")
	first, hasFirst := number(from)
	last, hasLast := number(to)
	switch {
	case !found || from != "" && !hasFirst || to != "" && !hasLast || from == "" && to == "":
		return Range{}, false
	case from == "":
		n := min(last, size)
		return Range{Start: size - n, Length: n}, true
	case to == "":
		last = size - 1
	case last < first:
		return Range{}, false
	}
	if first >= size {
		return Range{}, true
	}
	return Range{Start: first, Length: min(last, size-1) - first + 1}, true
}

// number reads digits and nothing else. One too large for a position is the largest there is.
func number(s string) (n int64, ok bool) {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		digit := int64(s[i] - '0')
		if n > (math.MaxInt64-digit)/10 {
			n = math.MaxInt64 // and stays so
			continue
		}
		n = n*10 + digit
	}
	return n, s != ""
}
