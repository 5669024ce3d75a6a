package ratelimit

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// HeaderNames are the names of the fields that a limiter sets. An empty one is left out.
type HeaderNames struct {
	Policy     string // the policies, as structured fields
	RateLimit  string // what is left of each, as structured fields
	RetryAfter string // in seconds, for denied requests

	// The next are about the policy with the fewest permits left. Reset is the time, in Unix seconds, at which all permits
	// will be back.
	Limit, Remaining, Reset string
}

// IETFHeaders are RateLimit-Policy, RateLimit and Retry-After: the default.
func IETFHeaders() HeaderNames {
	return HeaderNames{Policy: "RateLimit-Policy", RateLimit: "RateLimit", RetryAfter: retryAfter}
}

// XRateLimitHeaders are X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset and Retry-After.
func XRateLimitHeaders() HeaderNames {
	return HeaderNames{
		RetryAfter: retryAfter, Limit: "X-RateLimit-Limit", Remaining: "X-RateLimit-Remaining", Reset: "X-RateLimit-Reset",
	}
}

const retryAfter = "Retry-After"

func (n *HeaderNames) add(h http.Header, name, value string) {
	if name != "" {
		h.Add(name, value)
	}
}

func (n *HeaderNames) set(h http.Header, name, value string) {
	if name != "" {
		h.Set(name, value)
	}
}

// has reports whether a limiter before has used the name of a policy.
func (n *HeaderNames) has(h http.Header, policy string) bool {
	quoted := `"` + policy + `"`
	for _, field := range []string{n.Policy, n.RateLimit} {
		for _, value := range h.Values(field) {
			if strings.Contains(value, quoted) {
				return true
			}
		}
	}
	return false
}

// policyField is the value of RateLimit-Policy, a structured field: a List of Strings with parameters. Names need no
// escapes, for Named takes none that would.
func policyField(parts []part, names []string) string {
	var b strings.Builder
	for i, p := range parts {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(`"` + names[i] + `";q=` + strconv.Itoa(p.limit))
		if p.algorithm.window {
			b.WriteString(";w=" + seconds(p.span))
		} else {
			b.WriteString(`;qu="concurrent-requests"`)
		}
	}
	return b.String()
}

// limitField is the value of RateLimit: for each policy what is left, and the time to the next permit if one is missing.
func limitField(r *Result, names []string) string {
	var b strings.Builder
	for i, one := range r.results() {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(`"` + names[i] + `";r=` + strconv.Itoa(one.Remaining))
		if one.NextAfter > 0 {
			b.WriteString(";t=" + seconds(one.NextAfter))
		}
	}
	return b.String()
}

// seconds rounds up, because a client that comes back a moment early comes in vain. The least is 1. A structured field's
// Integer has at most 15 digits, which no duration exceeds.
func seconds(d time.Duration) string {
	s := d / time.Second
	if d%time.Second > 0 {
		s++
	}
	return strconv.FormatInt(int64(max(1, s)), 10)
}

// setRetryAfter leaves the largest that any limiter has set.
func (n *HeaderNames) setRetryAfter(h http.Header, d time.Duration) {
	was, err := strconv.ParseInt(h.Get(n.RetryAfter), 10, 64)
	if err == nil && time.Duration(was)*time.Second >= d {
		return
	}
	n.set(h, n.RetryAfter, seconds(d))
}

// setCounts sets the X-RateLimit fields for the limiter with the fewest permits left.
func (n *HeaderNames) setCounts(h http.Header, r *Result, now time.Time) {
	if was, err := strconv.Atoi(h.Get(n.Remaining)); err == nil && was < r.Remaining {
		return
	}
	reset := now.Add(r.ResetAfter)
	if reset.Nanosecond() > 0 {
		reset = reset.Add(time.Second)
	}
	n.set(h, n.Limit, strconv.Itoa(r.Limit))
	n.set(h, n.Remaining, strconv.Itoa(r.Remaining))
	n.set(h, n.Reset, strconv.FormatInt(reset.Unix(), 10))
}
