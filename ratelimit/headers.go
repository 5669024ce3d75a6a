package ratelimit

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// policyField is the value of RateLimit-Policy, a structured field: a List of Strings with parameters. Names need no
// escapes, for Named takes none that would.
func policyField(parts []part) string {
	var b strings.Builder
	for i, p := range parts {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(`"` + p.name + `";q=` + strconv.Itoa(p.limit))
		if p.algorithm.window {
			b.WriteString(";w=" + seconds(p.span))
		} else {
			b.WriteString(`;qu="concurrent-requests"`)
		}
	}
	return b.String()
}

// limitField is the value of RateLimit: for each policy what is left, and the time to the next permit if one is missing.
func limitField(r *Result) string {
	var b strings.Builder
	for i, one := range r.results() {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(`"` + one.Policy + `";r=` + strconv.Itoa(one.Remaining))
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
func setRetryAfter(h http.Header, d time.Duration) {
	was, err := strconv.ParseInt(h.Get("Retry-After"), 10, 64)
	if err == nil && time.Duration(was)*time.Second >= d {
		return
	}
	h.Set("Retry-After", seconds(d))
}

// setLegacy sets the X-RateLimit fields for the limiter with the fewest permits left.
func setLegacy(h http.Header, r *Result, now time.Time) {
	if was, err := strconv.Atoi(h.Get("X-RateLimit-Remaining")); err == nil && was < r.Remaining {
		return
	}
	reset := now.Add(r.ResetAfter)
	if reset.Nanosecond() > 0 {
		reset = reset.Add(time.Second)
	}
	h.Set("X-RateLimit-Limit", strconv.Itoa(r.Limit))
	h.Set("X-RateLimit-Remaining", strconv.Itoa(r.Remaining))
	h.Set("X-RateLimit-Reset", strconv.FormatInt(reset.Unix(), 10))
}

// problem is a body of application/problem+json, RFC 9457, of the types that the draft registers.
type problem struct {
	Type     string   `json:"type"`
	Title    string   `json:"title"`
	Status   int      `json:"status"`
	Violated []string `json:"violated-policies,omitempty"`
}

const problems = "https://iana.org/assignments/http-problem-types#"

func writeQuota(w http.ResponseWriter, violated []string) {
	writeProblem(w, problem{
		Type: problems + "quota-exceeded", Title: "Request cannot be satisfied as assigned quota has been exceeded",
		Status: http.StatusTooManyRequests, Violated: violated,
	})
}

func writeUnavailable(w http.ResponseWriter, retry time.Duration) {
	setRetryAfter(w.Header(), retry)
	writeProblem(w, problem{
		Type: problems + "temporary-reduced-capacity", Title: "Request cannot be satisfied due to temporary server capacity constraints",
		Status: http.StatusServiceUnavailable,
	})
}

func writeProblem(w http.ResponseWriter, p problem) {
	body, err := json.Marshal(p)
	if err != nil {
		panic(err) // strings and a number
	}
	h := w.Header()
	h.Set("Content-Type", "application/problem+json")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(p.Status)
	_, _ = w.Write(body) // the client may be gone
}
