package freshness

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/httpcache/internal/directive"
	"github.com/jollyjet/aside/httpcache/internal/field"
)

var start = time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)

func at(d time.Duration) string { return start.Add(d).Format(http.TimeFormat) }

// header builds a header from names and values in turn.
func header(pairs ...string) http.Header {
	h := http.Header{}
	for i := 0; i < len(pairs); i += 2 {
		h.Add(pairs[i], pairs[i+1])
	}
	return h
}

func of(h http.Header, p Policy) Terms { return ofStatus(200, h, p) }

func ofStatus(status int, h http.Header, p Policy) Terms {
	return Of(Answer{Status: status, Header: h, Requested: start, Received: start}, directive.OfAnswer(h, "CDN-Cache-Control"), p)
}

// RFC 9111, section 4.2.1: the freshness lifetime. RFC 9213: with a targeted field nothing else counts.
func TestLifetimeIsWhatTheAnswerSays(t *testing.T) {
	route := Policy{TTL: map[int]time.Duration{200: 7 * time.Second}}
	const hour = time.Hour
	for name, c := range map[string]struct {
		header http.Header
		want   time.Duration
		source Source
	}{
		"s-maxage first":             {header("Cache-Control", "max-age=1, s-maxage=3600", "Expires", at(-hour)), hour, SMaxAge},
		"s-maxage that is none":      {header("Cache-Control", "max-age=3600, s-maxage=x"), 0, SMaxAge},
		"max-age before Expires":     {header("Cache-Control", "max-age=3600", "Expires", at(-hour)), hour, MaxAge},
		"max-age=0 before Expires":   {header("Cache-Control", "max-age=0", "Expires", at(hour)), 0, MaxAge},
		"max-age that is none":       {header("Cache-Control", "max-age=x", "Expires", at(hour)), 0, MaxAge},
		"Expires from Date on":       {header("Expires", at(hour), "Date", at(-hour)), 2 * hour, Expires},
		"Expires without Date":       {header("Expires", at(hour)), hour, Expires},
		"Expires with a bad Date":    {header("Expires", at(hour), "Date", "foo"), hour, Expires},
		"Expires before Date":        {header("Expires", at(300*time.Second), "Date", at(400*time.Second)), 0, Expires},
		"Expires now":                {header("Expires", at(0), "Date", at(0)), 0, Expires},
		"Expires 0":                  {header("Expires", "0"), 0, Expires},
		"Expires empty":              {header("Expires", ""), 0, Expires},
		"Expires in no zone":         {header("Expires", "Thu, 18 Aug 2050 02:01:18 UTC"), 0, Expires},
		"Expires, two lines":         {header("Expires", at(hour), "Expires", at(2*hour)), 0, Expires},
		"Expires, the same twice":    {header("Expires", at(hour), "Expires", at(hour)), hour, Expires},
		"Expires far ahead":          {header("Expires", "Sun, 21 Nov 9999 04:46:39 GMT"), field.MaxDelta, Expires},
		"nothing: the route":         {header("Cache-Control", "public"), 7 * time.Second, Route},
		"targeted: no Expires":       {header("CDN-Cache-Control", "foo", "Expires", at(hour)), 7 * time.Second, Route},
		"targeted: no Cache-Control": {header("CDN-Cache-Control", "max-age=60", "Cache-Control", "max-age=1"), time.Minute, MaxAge},
	} {
		terms := of(c.header, route)
		require.Equal(t, c.want, terms.Lifetime, name)
		require.Equal(t, c.source, terms.Source, name)
	}
	require.Equal(t, None, of(header(), Policy{}).Source, "no lifetime is invented")
	require.Equal(t, None, ofStatus(404, header(), route).Source, "a TTL is for its status only")
}

// RFC 9111, section 4.2.2: the heuristic, on request only.
func TestHeuristicIsOffUnlessAskedFor(t *testing.T) {
	changed := header("Last-Modified", at(-100*time.Hour), "Date", at(0))
	require.Equal(t, None, of(changed, Policy{}).Source)
	on := Policy{Heuristic: .1, MaxHeuristic: 24 * time.Hour}
	require.Equal(t, 10*time.Hour, of(changed, on).Lifetime)
	require.Equal(t, time.Hour, of(changed, Policy{Heuristic: .1, MaxHeuristic: time.Hour}).Lifetime)
	require.Equal(t, None, ofStatus(201, changed, on).Source, "not for any status")
	require.Equal(t, None, ofStatus(599, changed, on).Source)
	require.Equal(t, None, ofStatus(206, changed, on).Source)
	require.Equal(t, Heuristic, ofStatus(404, changed, on).Source)
	require.Equal(t, None, of(header("Last-Modified", "yesterday"), on).Source)
	require.Equal(t, None, of(header("Last-Modified", at(time.Hour)), on).Source)
	public := changed.Clone()
	public.Set("Cache-Control", "public")
	require.Equal(t, Heuristic, ofStatus(201, public, on).Source, "public allows it for any status")
	zero := changed.Clone()
	zero.Set("Cache-Control", "max-age=0")
	require.Equal(t, MaxAge, of(zero, on).Source)
}

// RFC 9111, sections 4.2.3 and 5.1: the age.
func TestAgeIsTheLongerOfDateAndAge(t *testing.T) {
	hours := func(n int) time.Duration { return time.Duration(n) * time.Hour }
	for name, c := range map[string]struct {
		header http.Header
		want   time.Duration
	}{
		"none":               {header("Date", at(0)), 0},
		"Age":                {header("Age", "7200"), hours(2)},
		"first in line":      {header("Age", "7200, 0"), hours(2)},
		"first in line, 0":   {header("Age", "0, 7200"), 0},
		"first of lines":     {header("Age", "7200", "Age", "0"), hours(2)},
		"first of lines, 0":  {header("Age", "0", "Age", "7200"), 0},
		"the same twice":     {header("Age", "3600, 3600"), hours(1)},
		"after empty ones":   {header("Age", "", "Age", ", 3600"), hours(1)},
		"letters":            {header("Age", "abc"), 0},
		"negative":           {header("Age", "-7200"), 0},
		"decimal":            {header("Age", "7200.0"), 0},
		"parameter":          {header("Age", "7200;foo=bar"), 0},
		"beyond 32 bits":     {header("Age", "99999999999"), field.MaxDelta},
		"Date in the past":   {header("Date", at(hours(-2))), hours(2)},
		"Date in the future": {header("Date", at(hours(2)), "Age", "3600"), hours(1)},
		"the longer is Date": {header("Date", at(hours(-3)), "Age", "3600"), hours(3)},
		"the longer is Age":  {header("Date", at(hours(-1)), "Age", "7200"), hours(2)},
		"Date that is none":  {header("Date", "foo", "Age", "3600"), hours(1)},
	} {
		terms := of(c.header, Policy{})
		require.Equal(t, c.want, terms.AgeThen, name)
		require.Equal(t, min(c.want+time.Minute, field.MaxDelta), terms.Age(start.Add(time.Minute)), name)
	}
}

func TestAgeIncludesTheTimeThatTheAnswerTook(t *testing.T) {
	h := header("Age", "10", "Date", at(0))
	terms := Of(Answer{Status: 200, Header: h, Requested: start, Received: start.Add(5 * time.Second)}, directive.OfAnswer(h), Policy{})
	require.Equal(t, 15*time.Second, terms.AgeThen)
	require.Equal(t, 15*time.Second, terms.Age(start), "a clock that steps back makes nothing younger")
}

// RFC 9111, section 4.2: with the clock of the handler slow or fast.
func TestSkewOfDateKeepsNothingFresh(t *testing.T) {
	s := time.Second
	slow := of(header("Date", at(-10*s), "Expires", at(10*s), "Age", "25"), Policy{})
	require.Negative(t, slow.TTL(start))
	fast := of(header("Date", at(10*s), "Expires", at(20*s), "Age", "15"), Policy{})
	require.Negative(t, fast.TTL(start))
}

// RFC 5861, and RFC 9111, sections 4.2.4 and 5.2.2: what is done with a stale answer.
func TestStaleAnswers(t *testing.T) {
	route := Policy{StaleWhileRevalidate: 10 * time.Second, StaleIfError: 60 * time.Second}
	for name, c := range map[string]struct {
		cc     string
		policy Policy
		want   [4]State // 1 s before the end of the lifetime, 5 s, 30 s and 100 s after
	}{
		"nothing said":                {"max-age=60", Policy{}, [4]State{Fresh, MustRevalidate, MustRevalidate, MustRevalidate}},
		"the route":                   {"max-age=60", route, [4]State{Fresh, StaleWhileRevalidate, StaleIfError, MustRevalidate}},
		"while revalidating":          {"max-age=60, stale-while-revalidate=30", Policy{}, [4]State{Fresh, StaleWhileRevalidate, StaleWhileRevalidate, MustRevalidate}},
		"on error":                    {"max-age=60, stale-if-error=30", Policy{}, [4]State{Fresh, StaleIfError, StaleIfError, MustRevalidate}},
		"the answer above the route":  {"max-age=60, stale-while-revalidate=0, stale-if-error=0", route, [4]State{Fresh, MustRevalidate, MustRevalidate, MustRevalidate}},
		"windows that are none":       {"max-age=60, stale-while-revalidate=x, stale-if-error", route, [4]State{Fresh, MustRevalidate, MustRevalidate, MustRevalidate}},
		"must-revalidate above all":   {"max-age=60, must-revalidate, stale-if-error=100, stale-while-revalidate=100", route, [4]State{Fresh, MustRevalidate, MustRevalidate, MustRevalidate}},
		"proxy-revalidate above all":  {"max-age=60, proxy-revalidate, stale-if-error=100", route, [4]State{Fresh, MustRevalidate, MustRevalidate, MustRevalidate}},
		"no-cache is never fresh":     {"max-age=60, no-cache, stale-if-error=100", route, [4]State{MustRevalidate, MustRevalidate, MustRevalidate, MustRevalidate}},
		"s-maxage closes the route's": {"s-maxage=60", route, [4]State{Fresh, MustRevalidate, MustRevalidate, MustRevalidate}},
		"s-maxage, its own window":    {"s-maxage=60, stale-while-revalidate=30", route, [4]State{Fresh, StaleWhileRevalidate, StaleWhileRevalidate, MustRevalidate}},
		"a part of it is no-cache":    {`max-age=60, no-cache="x-user"`, route, [4]State{Fresh, StaleWhileRevalidate, StaleIfError, MustRevalidate}},
	} {
		terms := of(header("Cache-Control", c.cc), c.policy)
		for i, late := range []time.Duration{-1, 5, 30, 100} {
			got := terms.For(start.Add(60*time.Second+late*time.Second), directive.Request{})
			require.Equal(t, c.want[i], got, "%s, %d s after the end of its lifetime: %s", name, late, got)
		}
	}
	require.True(t, StaleWhileRevalidate.ServeNow() && StaleWhileRevalidate.ServeOnError())
	require.True(t, !StaleIfError.ServeNow() && StaleIfError.ServeOnError())
	require.True(t, !MustRevalidate.ServeNow() && !MustRevalidate.ServeOnError())
}

func TestTheEndOfALifetimeIsStale(t *testing.T) {
	terms := of(header("Cache-Control", "max-age=60"), Policy{})
	require.Equal(t, MustRevalidate, terms.For(start.Add(time.Minute), directive.Request{}), "fresh is longer than the age, not as long")
}

// RFC 5861, section 4: an error that was stored must not hide a newer one.
func TestAStoredErrorIsNeverServedStale(t *testing.T) {
	route := Policy{StaleWhileRevalidate: time.Hour, StaleIfError: time.Hour}
	terms := ofStatus(503, header("Cache-Control", "max-age=60, stale-if-error=100"), route)
	require.Equal(t, Fresh, terms.For(start, directive.Request{}))
	require.Equal(t, MustRevalidate, terms.For(start.Add(61*time.Second), directive.Request{}))
}

// RFC 9111, section 5.2.1: what the request asks for, on a route that lets it.
func TestRequestsAreStricterOrMoreLenient(t *testing.T) {
	const plain, swr = "max-age=60", "max-age=60, stale-while-revalidate=30"
	for name, c := range map[string]struct {
		answer, request string
		after           time.Duration
		want            State
	}{
		"nothing asked":             {plain, "", 30, Fresh},
		"no-cache":                  {plain, "no-cache", 0, MustRevalidate},
		"no-cache, handler fails":   {"max-age=60, stale-if-error=9", "no-cache", 0, StaleIfError},
		"max-age not reached":       {plain, "max-age=30", 30, Fresh},
		"max-age passed":            {plain, "max-age=30", 31, MustRevalidate},
		"max-age=0 at once":         {plain, "max-age=0", 0, Fresh},
		"max-age, stale":            {swr, "max-age=600", 70, MustRevalidate},
		"min-fresh kept":            {plain, "min-fresh=30", 30, Fresh},
		"min-fresh missed":          {plain, "min-fresh=30", 31, MustRevalidate},
		"max-stale":                 {plain, "max-stale=30", 90, StaleWhileRevalidate},
		"max-stale passed":          {plain, "max-stale=30", 91, MustRevalidate},
		"max-stale, any":            {plain, "max-stale", 9999, StaleWhileRevalidate},
		"max-stale, but it refuses": {"max-age=60, must-revalidate", "max-stale", 61, MustRevalidate},
		"max-stale, s-maxage":       {"s-maxage=60", "max-stale", 61, MustRevalidate},
		"max-stale, no-cache":       {"max-age=60, no-cache", "max-stale", 1, MustRevalidate},
		"max-stale below a window":  {swr, "max-stale=5", 70, MustRevalidate},
		"max-stale in its window":   {"s-maxage=60, stale-while-revalidate=30", "max-stale", 70, StaleWhileRevalidate},
	} {
		h := header()
		if c.request != "" {
			h.Set("Cache-Control", c.request)
		}
		got := of(header("Cache-Control", c.answer), Policy{}).For(start.Add(c.after*time.Second), directive.OfRequest(h))
		require.Equal(t, c.want, got, "%s: %s", name, got)
	}
}

func TestKeepIsAsLongAsItMayBeServed(t *testing.T) {
	require.Equal(t, 90*time.Second, of(header("Cache-Control", "max-age=60, stale-if-error=40, stale-while-revalidate=5", "Age", "10"), Policy{}).Keep())
	require.Zero(t, of(header("Cache-Control", "max-age=60, no-cache"), Policy{}).Keep())
	require.Zero(t, of(header("Cache-Control", "max-age=60", "Age", "61"), Policy{}).Keep())
}

// RFC 9110, section 6.6.1.
func TestStampAddsADateWhereThereIsNone(t *testing.T) {
	h := header("Date", at(-time.Hour))
	Stamp(h, start)
	require.Equal(t, at(-time.Hour), h.Get("Date"))
	for _, bad := range []http.Header{header(), header("Date", "foo")} {
		Stamp(bad, start)
		require.Equal(t, []string{at(0)}, bad["Date"])
	}
	require.Equal(t, "61", AgeField(61*time.Second+999*time.Millisecond))
}

func FuzzTerms(f *testing.F) {
	f.Add("max-age=60, stale-while-revalidate=10", at(time.Hour), at(-time.Hour), "7200, 0", int64(100))
	f.Add("public", "0", "Sunday, 06-Nov-94 08:49:37 GMT", "x", int64(0))
	f.Fuzz(func(t *testing.T, cc, expires, date, age string, after int64) {
		h := header("Cache-Control", cc, "Expires", expires, "Date", date, "Age", age, "Last-Modified", date)
		terms := of(h, Policy{Heuristic: .1, MaxHeuristic: time.Hour, StaleIfError: time.Hour})
		for _, d := range []time.Duration{terms.AgeThen, terms.Lifetime, terms.StaleIfError, terms.StaleWhileRevalidate} {
			require.True(t, d >= 0 && d <= field.MaxDelta)
		}
		require.GreaterOrEqual(t, terms.Keep(), time.Duration(0))
		now := start.Add(time.Duration(after))
		state := terms.For(now, directive.Request{})
		if state == Fresh {
			require.Positive(t, terms.TTL(now))
		}
		if state.ServeNow() && now.After(start) {
			require.LessOrEqual(t, now.Sub(start), terms.Keep())
		}
	})
}
