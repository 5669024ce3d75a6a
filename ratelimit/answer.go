package ratelimit

import (
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Deny writes what the middleware writes for a denied request, for limits that are asked by hand: the headers, and the answer
// of [OnDenied], or 429 with problem details, or a page for browsers. The result is one of this limiter.
func (l *Limiter) Deny(w http.ResponseWriter, r *http.Request, result Result) {
	by := l.kin(&result)
	names := by.setHeaders(w.Header(), &result)
	if l.denied != nil {
		l.denied(w, r, result)
		return
	}
	writeProblem(w, r, problem{
		Type: problems + "quota-exceeded", Title: "Request cannot be satisfied as assigned quota has been exceeded",
		Status: http.StatusTooManyRequests, Violated: violated(&result, names),
	})
}

// violated returns the names, as the headers have them, of the policies that denied a request.
func violated(r *Result, names []string) (denied []string) {
	for i, one := range r.results() {
		if !one.Allowed {
			denied = append(denied, names[i])
		}
	}
	return denied
}

// Fail writes what the middleware writes for an error of [Limiter.Allow]: 500 if it wraps [ErrCost], for which the client can
// do nothing, else 503 with Retry-After. [OnError] replaces the answer.
func (l *Limiter) Fail(w http.ResponseWriter, r *http.Request, err error) {
	p := problem{Type: "about:blank", Title: http.StatusText(http.StatusInternalServerError), Status: http.StatusInternalServerError}
	if !errors.Is(err, ErrCost) {
		l.headers.setRetryAfter(w.Header(), l.pause)
		p = problem{
			Type:   problems + "temporary-reduced-capacity",
			Title:  "Request cannot be satisfied due to temporary server capacity constraints",
			Status: http.StatusServiceUnavailable,
		}
	}
	if l.failed != nil {
		l.failed(w, r, err)
		return
	}
	writeProblem(w, r, p)
}

// SetHeaders sets what the middleware sets on the answer to a request that was allowed, for limits that are asked by hand.
func (l *Limiter) SetHeaders(h http.Header, result Result) { l.kin(&result).setHeaders(h, &result) }

// showAll sets the headers of all limiters. Of two results of one limiter, for a key and an address, it shows the stricter.
func showAll(h http.Header, asks []Ask, results []Result) {
	for i := 0; i < len(results); {
		l, show := asks[i].Limiter, &results[i]
		for i++; i < len(results) && asks[i].Limiter == l; i++ {
			if stricter(&results[i], show) {
				show = &results[i]
			}
		}
		l.SetHeaders(h, *show)
	}
}

// setHeaders returns the names that the policies have in the headers.
func (l *Limiter) setHeaders(h http.Header, r *Result) (names []string) {
	names = l.shownNames(h)
	if l.shadow && !l.shadowHeaders {
		return names
	}
	l.headers.add(h, l.headers.Policy, policyField(l.parts, names))
	if !r.Allowed {
		l.headers.setRetryAfter(h, r.RetryAfter)
	}
	if r.Source != FromFailOpen {
		l.headers.add(h, l.headers.RateLimit, limitField(r, names))
		l.headers.setCounts(h, r, time.Now())
	}
	return names
}

// shownNames are the names of the policies. One that a limiter before has used already is preceded by the limiter's name,
// and followed by a number if need be: a field must not have a name twice.
func (l *Limiter) shownNames(h http.Header) []string {
	names := make([]string, len(l.parts))
	for i, p := range l.parts {
		names[i] = p.name
		for n := 1; l.headers.has(h, names[i]); n++ {
			names[i] = l.name + "." + p.name
			if n > 1 {
				names[i] += "-" + strconv.Itoa(n)
			}
		}
	}
	return names
}

// problem is a body of application/problem+json, RFC 9457, of the types that the draft registers.
type problem struct {
	Type     string   `json:"type"`
	Title    string   `json:"title"`
	Status   int      `json:"status"`
	Violated []string `json:"violated-policies,omitempty"`
}

const problems = "https://iana.org/assignments/http-problem-types#"

// page is the answer to a person.
const page = `<!doctype html><html lang="en"><meta charset="utf-8"><title>%[1]s</title><h1>%[1]s</h1><p>%[2]s.</p></html>
`

func writeProblem(w http.ResponseWriter, r *http.Request, p problem) {
	body, err := json.Marshal(p)
	if err != nil {
		panic(err) // strings and a number
	}
	h := w.Header()
	h.Set("Content-Type", "application/problem+json")
	if prefersHTML(r.Header.Values("Accept")) {
		body = fmt.Appendf(nil, page, http.StatusText(p.Status), html.EscapeString(p.Title))
		h.Set("Content-Type", "text/html; charset=utf-8")
	}
	h.Add("Vary", "Accept")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(p.Status)
	_, _ = w.Write(body) // the client may be gone
}

// prefersHTML reports whether an Accept field, RFC 9110 section 12.5.1, wants HTML more than JSON. A browser's does.
func prefersHTML(accept []string) bool {
	htmlQ, jsonQ, anyQ := -1.0, -1.0, 0.0
	for item := range strings.SplitSeq(strings.Join(accept, ","), ",") {
		media, params, _ := strings.Cut(strings.ToLower(item), ";")
		q := quality(params)
		switch strings.TrimSpace(media) {
		case "text/html", "application/xhtml+xml":
			htmlQ = max(htmlQ, q)
		case "application/json", "application/problem+json":
			jsonQ = max(jsonQ, q)
		case "*/*":
			anyQ = q
		}
	}
	if jsonQ < 0 {
		jsonQ = anyQ
	}
	return htmlQ > jsonQ
}

// quality is a media type's weight; 1 if it has none.
func quality(params string) float64 {
	for param := range strings.SplitSeq(params, ";") {
		if value, ok := strings.CutPrefix(strings.TrimSpace(param), "q="); ok {
			if q, err := strconv.ParseFloat(value, 64); err == nil {
				return q
			}
			return 0
		}
	}
	return 1
}
