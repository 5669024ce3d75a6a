package conditional

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var (
	now = time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)
	lm  = now.Add(-time.Hour)
)

func at(t time.Time) string { return t.Format(http.TimeFormat) }

// header builds a header from names and values in turn.
func header(pairs ...string) http.Header {
	h := http.Header{}
	for i := 0; i < len(pairs); i += 2 {
		h.Add(pairs[i], pairs[i+1])
	}
	return h
}

func stored(pairs ...string) Stored {
	return Stored{Status: 200, Header: header(pairs...), Received: now.Add(-time.Minute)}
}

var both = stored("ETag", `"a"`, "Last-Modified", at(lm), "Date", at(now))

// RFC 9110, sections 13.1.2 and 8.8.3: If-None-Match.
func TestIfNoneMatch(t *testing.T) {
	for name, c := range map[string]struct {
		tag   string
		lines []string
		want  Outcome
	}{
		"the same":                 {`"a"`, []string{`"a"`}, NotModified},
		"another":                  {`"a"`, []string{`"b"`}, Send},
		"another case":             {`"a"`, []string{`"A"`}, Send},
		"in a list":                {`"a"`, []string{`"x", "a"`}, NotModified},
		"in a list without spaces": {`"a"`, []string{`"x","a",`}, NotModified},
		"in the second line":       {`"a"`, []string{`"x"`, `"a"`}, NotModified},
		"weak asked":               {`"a"`, []string{`W/"a"`}, NotModified},
		"weak stored":              {`W/"a"`, []string{`"a"`}, NotModified},
		"both weak":                {`W/"a"`, []string{`W/"a"`}, NotModified},
		"small w is no mark":       {`"a"`, []string{`w/"a"`}, Send},
		"any":                      {`"a"`, []string{`*`}, NotModified},
		"any, nothing stored":      {``, []string{`*`}, NotModified},
		"any in a list is a tag":   {`"a"`, []string{`"b", *`}, Send},
		"comma in a tag":           {`"a,b"`, []string{`"x", "a,b"`}, NotModified},
		"part of a tag":            {`"b"`, []string{`"a, "b", c"`}, Send},
		"backslash in a tag":       {`"a\"`, []string{`"a\", "b"`}, NotModified},
		"backslash in a tag, 2nd":  {`"b"`, []string{`"a\", "b"`}, NotModified},
		"unquoted both":            {`abc`, []string{`abc`}, NotModified},
		"unquoted asked":           {`"abc"`, []string{`abc`}, Send},
		"unquoted stored":          {`abc`, []string{`"abc"`}, Send},
		"nothing stored":           {``, []string{`"a"`}, Send},
		"empty tags are equal":     {`""`, []string{`""`}, NotModified},
		"empty field":              {`"a"`, []string{``}, Send},
	} {
		s := stored("Date", at(now))
		if c.tag != "" {
			s = stored("ETag", c.tag, "Date", at(now))
		}
		require.Equal(t, c.want, Evaluate("GET", http.Header{"If-None-Match": c.lines}, s, now), name)
	}
	require.Equal(t, Send, Evaluate("GET", header("If-None-Match", `"a"`), stored("ETag", `"a"`, "ETag", `"b"`), now), "two tags are none")
}

// RFC 9110, section 13.1.3: If-Modified-Since; RFC 9111, section 4.3.2: without Last-Modified.
func TestIfModifiedSince(t *testing.T) {
	dated := stored("Date", at(lm))
	bare := stored()
	bare.Received = lm
	for name, c := range map[string]struct {
		stored Stored
		lines  []string
		want   Outcome
	}{
		"the same second":          {both, []string{at(lm)}, NotModified},
		"later":                    {both, []string{at(lm.Add(time.Second))}, NotModified},
		"earlier":                  {both, []string{at(lm.Add(-time.Second))}, Send},
		"older format":             {both, []string{lm.Format("Monday, 02-Jan-06 15:04:05") + " GMT"}, NotModified},
		"no date":                  {both, []string{"yesterday"}, Send},
		"two lines":                {both, []string{at(now), at(now)}, Send},
		"Date instead":             {dated, []string{at(lm)}, NotModified},
		"Date instead, earlier":    {dated, []string{at(lm.Add(-time.Second))}, Send},
		"time of fetching instead": {bare, []string{at(lm)}, NotModified},
		"the same, earlier":        {bare, []string{at(lm.Add(-time.Second))}, Send},
	} {
		require.Equal(t, c.want, Evaluate("GET", http.Header{"If-Modified-Since": c.lines}, c.stored, now), name)
	}
}

// RFC 9110, section 13.2.2: precedence.
func TestPrecedence(t *testing.T) {
	early, late := at(lm.Add(-time.Hour)), at(lm.Add(time.Hour))
	for name, c := range map[string]struct {
		method  string
		request http.Header
		want    Outcome
	}{
		"nothing":                          {"GET", header(), Send},
		"None-Match above Modified: send":  {"GET", header("If-None-Match", `"b"`, "If-Modified-Since", late), Send},
		"None-Match above Modified: 304":   {"GET", header("If-None-Match", `"a"`, "If-Modified-Since", early), NotModified},
		"HEAD as GET":                      {"HEAD", header("If-None-Match", `"a"`), NotModified},
		"None-Match of another method":     {"POST", header("If-None-Match", `"a"`), PreconditionFailed},
		"Modified of another method":       {"POST", header("If-Modified-Since", late), Send},
		"Match":                            {"GET", header("If-Match", `"x", "a"`), Send},
		"Match, any":                       {"GET", header("If-Match", `*`), Send},
		"Match another":                    {"GET", header("If-Match", `"b"`), PreconditionFailed},
		"Match is strong":                  {"GET", header("If-Match", `W/"a"`), PreconditionFailed},
		"Match above Unmodified: send":     {"GET", header("If-Match", `"a"`, "If-Unmodified-Since", early), Send},
		"Match above Unmodified: 412":      {"GET", header("If-Match", `"b"`, "If-Unmodified-Since", late), PreconditionFailed},
		"Match above None-Match":           {"GET", header("If-Match", `"b"`, "If-None-Match", `"a"`), PreconditionFailed},
		"Match, then None-Match":           {"GET", header("If-Match", `"a"`, "If-None-Match", `"a"`), NotModified},
		"Unmodified":                       {"GET", header("If-Unmodified-Since", at(lm)), Send},
		"Unmodified, it was":               {"GET", header("If-Unmodified-Since", early), PreconditionFailed},
		"Unmodified above Modified":        {"GET", header("If-Unmodified-Since", early, "If-Modified-Since", late), PreconditionFailed},
		"Unmodified that is no date":       {"GET", header("If-Unmodified-Since", "x"), Send},
		"Unmodified, then Modified":        {"GET", header("If-Unmodified-Since", late, "If-Modified-Since", late), NotModified},
		"If-Range is no condition by this": {"GET", header("If-Range", `"b"`, "Range", "bytes=0-1"), Send},
	} {
		require.Equal(t, c.want, Evaluate(c.method, c.request, both, now), name)
	}
	require.Equal(t, Send, Evaluate("GET", header("If-Unmodified-Since", early), stored("ETag", `"a"`), now), "no date to compare")
	weak := stored("ETag", `W/"a"`)
	require.Equal(t, PreconditionFailed, Evaluate("GET", header("If-Match", `W/"a"`), weak, now), "two weak ones are never strongly equal")
}

// RFC 9110, section 13.2.1: conditions are about a success.
func TestOtherStatusesAreSent(t *testing.T) {
	for _, status := range []int{301, 404, 500} {
		s := both
		s.Status = status
		for _, request := range []http.Header{header("If-None-Match", `"a"`), header("If-None-Match", "*"), header("If-Modified-Since", at(now)), header("If-Match", `"b"`)} {
			require.Equal(t, Send, Evaluate("GET", request, s, now))
		}
	}
}

// RFC 9110, section 13.1.5: If-Range.
func TestIfRangeIsStrong(t *testing.T) {
	fresh := stored("Last-Modified", at(now), "Date", at(now))
	for name, c := range map[string]struct {
		stored Stored
		lines  []string
		want   bool
	}{
		"absent":                      {both, nil, true},
		"the tag":                     {both, []string{`"a"`}, true},
		"another tag":                 {both, []string{`"b"`}, false},
		"weak asked":                  {both, []string{`W/"a"`}, false},
		"weak stored":                 {stored("ETag", `W/"a"`), []string{`W/"a"`}, false},
		"no tag stored":               {stored(), []string{`"a"`}, false},
		"a list is no tag":            {both, []string{`"a", "b"`}, false},
		"any is no tag":               {both, []string{`*`}, false},
		"two lines":                   {both, []string{`"a"`, `"a"`}, false},
		"a tag that is none":          {stored("ETag", `a,b`), []string{`a,b`}, false},
		"the date":                    {both, []string{at(lm)}, true},
		"a later date":                {both, []string{at(now)}, false},
		"a date that is weak":         {fresh, []string{at(now)}, false},
		"a date, none stored":         {stored("ETag", `"a"`), []string{at(lm)}, false},
		"a date, none to compare to":  {stored("Last-Modified", at(lm)), []string{at(lm)}, false},
		"a date that is none":         {both, []string{"yesterday"}, false},
		"a date that is none, stored": {stored("Last-Modified", "x", "Date", at(now)), []string{"x"}, false},
	} {
		require.Equal(t, c.want, RangeApplies(http.Header{"If-Range": c.lines}, c.stored, now), name)
	}
}

// RFC 9111, section 4.3.2.
func TestConditionsForTheOriginOnly(t *testing.T) {
	require.True(t, OriginOnly(header("If-Match", `"a"`)))
	require.True(t, OriginOnly(header("If-Unmodified-Since", at(now))))
	require.False(t, OriginOnly(header("If-None-Match", `"a"`, "If-Modified-Since", at(now), "If-Range", `"a"`)))
}

// RFC 9111, section 4.3.1: the conditions are ours.
func TestRevalidateAsksWithOurValidators(t *testing.T) {
	client := header("If-None-Match", `"client"`, "If-Modified-Since", at(now), "If-Match", `"x"`, "If-Unmodified-Since", at(now),
		"If-Range", `"x"`, "Range", "bytes=0-1", "Accept", "text/html")
	request := client.Clone()
	require.True(t, Revalidate(request, both.Header, now))
	require.Equal(t, header("If-None-Match", `"a"`, "If-Modified-Since", at(lm), "Accept", "text/html"), request)
	request = client.Clone()
	require.True(t, Revalidate(request, header("ETag", `W/"a"`), now))
	require.Equal(t, header("If-None-Match", `W/"a"`, "Accept", "text/html"), request)
	request = client.Clone()
	require.False(t, Revalidate(request, header("Last-Modified", "yesterday"), now))
	require.Equal(t, header("Accept", "text/html"), request)
}

// RFC 9110, section 15.4.5.
func TestNotModifiedHasNoFieldsOfTheBody(t *testing.T) {
	h := header("Content-Type", "text/html", "Content-Length", "5", "Content-Encoding", "gzip", "Content-Language", "en", "Last-Modified", at(lm),
		"ETag", `"a"`, "Cache-Control", "max-age=1", "Content-Location", "/x", "Date", at(now), "Expires", at(now), "Vary", "Foo", "X-Other", "1")
	require.Equal(t, header("ETag", `"a"`, "Cache-Control", "max-age=1", "Content-Location", "/x", "Date", at(now), "Expires", at(now),
		"Vary", "Foo", "X-Other", "1"), NotModifiedHeader(h))
	require.Equal(t, "gzip", h.Get("Content-Encoding"), "the stored answer keeps them")
	require.Equal(t, header("Last-Modified", at(lm)), NotModifiedHeader(header("Last-Modified", at(lm))))
}

func FuzzConditions(f *testing.F) {
	f.Add(`"a", W/"b,c"`, `W/"b,c"`, at(lm))
	f.Add(`"a\", *`, `"`, "x")
	f.Fuzz(func(t *testing.T, list, tag, date string) {
		s := stored("ETag", tag, "Last-Modified", date, "Date", at(now))
		request := header("If-None-Match", list, "If-Modified-Since", date, "If-Range", list)
		if RangeApplies(request, s, now) {
			require.NotEqual(t, Send, Evaluate("GET", header("If-None-Match", list, "If-Modified-Since", date), s, now), "strong implies weak")
		}
		Evaluate("GET", header("If-Match", list, "If-Unmodified-Since", date), s, now)
		if got, ok := etag(s.Header); ok && got != "*" && len(tags([]string{got})) == 1 && tags([]string{got})[0] == got {
			require.Equal(t, NotModified, Evaluate("GET", header("If-None-Match", got), s, now), "a tag matches itself")
		}
	})
}
