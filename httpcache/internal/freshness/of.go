package freshness

import (
	"net/http"
	"strconv"
	"time"

	"github.com/jollyjet/aside/httpcache/internal/directive"
	"github.com/jollyjet/aside/httpcache/internal/field"
)

// Answer is an answer and when it was fetched.
type Answer struct {
	Status    int
	Header    http.Header
	Requested time.Time // when the handler was called
	Received  time.Time // when its headers came
}

// Policy is what the route adds to what answers say. The zero Policy adds nothing.
type Policy struct {
	TTL       map[int]time.Duration // by status, where the answer names no lifetime
	Heuristic float64               // fraction of the time since Last-Modified, where there is no TTL either; 0: none
	MaxHeuristic,
	StaleWhileRevalidate, StaleIfError time.Duration // where the answer says nothing about it
}

// Of computes the terms of an answer.
func Of(answer Answer, directives directive.Response, policy Policy) Terms {
	t := Terms{
		Received:     answer.Received,
		AgeThen:      ageThen(answer),
		AlwaysCheck:  directives.NoCache,
		RefusesStale: directives.NoCache || directives.MustRevalidate || directives.SMaxAge.Set,
	}
	t.Lifetime, t.Source = lifetime(answer, directives, policy)
	if closed := directives.NoCache || directives.MustRevalidate || answer.Status >= 500; closed {
		return t // an error is never served in place of a newer answer, whatever that is
	}
	t.StaleWhileRevalidate = t.window(directives.StaleWhileRevalidate, policy.StaleWhileRevalidate)
	t.StaleIfError = t.window(directives.StaleIfError, policy.StaleIfError)
	return t
}

// window returns the time after its lifetime in which the answer may be served: what it said itself, else what the route
// says, where the answer leaves that to others.
func (t Terms) window(said directive.Delta, route time.Duration) time.Duration {
	switch {
	case said.Set:
		return said.Time
	case t.RefusesStale:
		return 0
	default:
		return min(max(route, 0), field.MaxDelta)
	}
}

// lifetime is freshness_lifetime (RFC 9111, section 4.2.1).
func lifetime(answer Answer, directives directive.Response, policy Policy) (time.Duration, Source) {
	switch {
	case directives.SMaxAge.Set:
		return directives.SMaxAge.Time, SMaxAge
	case directives.MaxAge.Set:
		return directives.MaxAge.Time, MaxAge
	case !directives.Targeted() && len(answer.Header.Values("Expires")) > 0:
		return expires(answer), Expires
	}
	if d := policy.TTL[answer.Status]; d > 0 {
		return min(d, field.MaxDelta), Route
	}
	if d := heuristic(answer, directives, policy); d > 0 {
		return min(d, field.MaxDelta), Heuristic
	}
	return 0, None
}

// expires is the lifetime that Expires gives: from Date on, which is by the same clock. Several lines are read if they agree.
func expires(answer Answer) time.Duration {
	lines := answer.Header.Values("Expires")
	for _, line := range lines {
		if line != lines[0] {
			return 0
		}
	}
	at, ok := field.Date(lines[0], answer.Received)
	if !ok {
		return 0 // "0" and whatever else means: already expired (RFC 9111, section 5.3)
	}
	return min(max(at.Sub(date(answer)), 0), field.MaxDelta)
}

// heuristic is a part of the time for which the answer hasn't changed (RFC 9111, section 4.2.2).
func heuristic(answer Answer, directives directive.Response, policy Policy) time.Duration {
	if policy.Heuristic <= 0 || !Cacheable(answer.Status) && !directives.Public {
		return 0
	}
	modified, ok := field.Date(answer.Header.Get("Last-Modified"), answer.Received)
	if !ok {
		return 0
	}
	unchanged := min(max(date(answer).Sub(modified), 0), field.MaxDelta)
	return min(time.Duration(policy.Heuristic*float64(unchanged)), policy.MaxHeuristic)
}

// Cacheable reports whether answers of this status may be stored if they name no lifetime: those that RFC 9110, section 15.1
// calls heuristically cacheable, without 206.
func Cacheable(status int) bool {
	switch status {
	case 200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501:
		return true
	default:
		return false
	}
}

// date is when the answer was made: its Date, else when it came.
func date(answer Answer) time.Time {
	if at, ok := field.Date(answer.Header.Get("Date"), answer.Received); ok {
		return at
	}
	return answer.Received
}

// ageThen is corrected_initial_age (RFC 9111, section 4.2.3): the longer of what Date and Age say.
func ageThen(answer Answer) time.Duration {
	apparent := max(answer.Received.Sub(date(answer)), 0)
	delay := min(max(answer.Received.Sub(answer.Requested), 0), field.MaxDelta)
	corrected := saidAge(answer.Header) + delay
	return min(max(apparent, corrected), field.MaxDelta)
}

// saidAge reads Age: of several values the first, which the nearest cache wrote. A value that is no number is ignored
// (RFC 9111, section 5.1).
func saidAge(header http.Header) time.Duration {
	members := field.List(header.Values("Age"))
	if len(members) == 0 {
		return 0
	}
	age, _ := field.Seconds(members[0])
	return age
}

// Stamp gives an answer a Date if it has no valid one: when it came (RFC 9110, section 6.6.1). It must be there before the
// answer is stored, since net/http would add a new one on each hit.
func Stamp(header http.Header, received time.Time) {
	if _, ok := field.Date(header.Get("Date"), received); !ok {
		header.Set("Date", received.UTC().Format(http.TimeFormat))
	}
}

// AgeField is the value of Age.
func AgeField(age time.Duration) string { return strconv.FormatInt(int64(age/time.Second), 10) }
