package field

import (
	"math"
	"strings"
	"time"
)

// MaxDelta is the longest time that a field can tell: RFC 9111, section 1.2.2 has every longer one read as this. Four of
// them still fit a [time.Duration].
const MaxDelta = (math.MaxInt32 + 1) * time.Second

// Seconds reads delta-seconds (RFC 9111, section 1.2.2): digits and nothing else.
func Seconds(s string) (d time.Duration, ok bool) {
	if s == "" {
		return 0, false
	}
	n := int64(0)
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		n = min(n*10+int64(s[i]-'0'), int64(MaxDelta/time.Second))
	}
	return time.Duration(n) * time.Second, true
}

// Date reads an HTTP-date (RFC 9110, section 5.6.7) in its three formats, in any case. The day of the week isn't checked.
// Otherwise it is exact: no other zone than GMT, no digit or space more or less. A year of two digits is the one that is at
// most 50 years after now.
func Date(s string, now time.Time) (t time.Time, ok bool) {
	if head, gmt := cutGMT(s); gmt {
		if t, ok = exactly(imf, head); ok {
			return t, true
		}
		if t, ok = exactly(rfc850, head); ok {
			return inCentury(t, now), true
		}
		return time.Time{}, false
	}
	return exactly(asctime, s)
}

// The formats of an HTTP-date, without the zone.
const (
	imf     = "Mon, 02 Jan 2006 15:04:05"
	rfc850  = "Monday, 02-Jan-06 15:04:05"
	asctime = "Mon Jan _2 15:04:05 2006"
)

func cutGMT(s string) (head string, ok bool) {
	n := len(s) - len(" GMT")
	if n < 0 || !strings.EqualFold(s[n:], " GMT") {
		return s, false
	}
	return s[:n], true
}

// exactly parses s and refuses what time.Parse is lenient about: s must be what the format writes, the day of the week aside.
func exactly(format, s string) (time.Time, bool) {
	t, err := time.Parse(format, s)
	if err != nil {
		return time.Time{}, false
	}
	_, want, _ := strings.Cut(t.Format(format), " ")
	_, got, _ := strings.Cut(s, " ")
	return t, strings.EqualFold(want, got)
}

// inCentury moves a date whose century isn't known to within the 50 years after now, or the 50 before.
func inCentury(t, now time.Time) time.Time {
	latest := now.AddDate(50, 0, 0)
	for next := t.AddDate(100, 0, 0); !next.After(latest); next = t.AddDate(100, 0, 0) {
		t = next
	}
	for t.After(latest) {
		t = t.AddDate(-100, 0, 0)
	}
	return t
}
