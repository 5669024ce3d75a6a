package storable

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/httpcache/internal/directive"
	"github.com/jollyjet/aside/httpcache/internal/field"
	"github.com/jollyjet/aside/httpcache/internal/freshness"
)

// header builds a header from names and values in turn.
func header(pairs ...string) http.Header {
	h := http.Header{}
	for i := 0; i < len(pairs); i += 2 {
		h.Add(pairs[i], pairs[i+1])
	}
	return h
}

func get(pairs ...string) Asked { return Asked{Method: "GET", Header: header(pairs...)} }

func answer(status int, pairs ...string) Answered {
	return routed(status, freshness.Policy{}, pairs...)
}

func routed(status int, policy freshness.Policy, pairs ...string) Answered {
	h, now := header(pairs...), time.Now()
	said := directive.OfAnswer(h, "CDN-Cache-Control")
	return Answered{
		Status: status, Header: h, Said: said,
		Terms: freshness.Of(freshness.Answer{Status: status, Header: h, Requested: now, Received: now}, said, policy),
	}
}

// RFC 9111, section 3: what may be stored.
func TestAnswersByTheirHeaders(t *testing.T) {
	const cc, fresh = "Cache-Control", "max-age=60"
	for name, c := range map[string]struct {
		answer Answered
		want   Reason
	}{
		"max-age":                      {answer(200, cc, fresh), ""},
		"Expires":                      {answer(200, "Expires", "Thu, 18 Aug 2050 02:01:18 GMT"), ""},
		"any status, explicit":         {answer(599, cc, fresh), ""},
		"500, explicit":                {answer(500, cc, fresh), ""},
		"302, explicit":                {answer(302, cc, fresh), ""},
		"nothing said":                 {answer(200), NoFreshness},
		"nothing said, validator":      {answer(200, "ETag", `"a"`), NoFreshness},
		"public alone":                 {answer(200, cc, "public"), NotReusable},
		"public with validator":        {answer(200, cc, "public", "ETag", `"a"`), ""},
		"public with validator, 500":   {answer(500, cc, "public", "ETag", `"a"`), NoFreshness},
		"no-cache":                     {answer(200, cc, "no-cache"), NotReusable},
		"no-cache with validator":      {answer(200, cc, "no-cache", "Last-Modified", "x"), ""},
		"max-age=0":                    {answer(200, cc, "max-age=0"), NotReusable},
		"max-age=0 with validator":     {answer(200, cc, "max-age=0", "ETag", `"a"`), ""},
		"max-age=0, but a window":      {answer(200, cc, "max-age=0, stale-while-revalidate=9"), ""},
		"Expires: 0":                   {answer(200, "Expires", "0"), NotReusable},
		"no-store":                     {answer(200, cc, "max-age=60, no-store"), NoStore},
		"must-understand":              {answer(200, cc, "max-age=60, no-store, must-understand"), ""},
		"must-understand, unknown":     {answer(599, cc, "max-age=60, no-store, must-understand"), NotUnderstood},
		"must-understand alone":        {answer(599, cc, "max-age=60, must-understand"), NotUnderstood},
		"private":                      {answer(200, cc, "max-age=60, private"), Private},
		"private fields":               {answer(200, cc, `max-age=60, private="x-user"`), ""},
		"CDN says no":                  {answer(200, cc, fresh, "CDN-Cache-Control", "no-store"), NoStore},
		"CDN says yes":                 {answer(200, cc, "no-store", "CDN-Cache-Control", fresh), ""},
		"1xx":                          {answer(103, cc, fresh), Informational},
		"206":                          {answer(206, cc, fresh), Partial},
		"Content-Range means nothing":  {answer(200, cc, fresh, "Content-Range", "bytes 0-1/3"), ""},
		"304":                          {answer(304, cc, fresh), NotModified},
		"Set-Cookie":                   {answer(200, cc, "public, max-age=60", "Set-Cookie", "a=b"), SetCookie},
		"Vary":                         {answer(200, cc, fresh, "Vary", "Foo"), ""},
		"Vary: *":                      {answer(200, cc, fresh, "Vary", "*"), VaryAny},
		"Vary: *, last in list":        {answer(200, cc, fresh, "Vary", "Foo, *"), VaryAny},
		"Vary: *, first in list":       {answer(200, cc, fresh, "Vary", "*, Foo"), VaryAny},
		"Vary: *, after an empty one":  {answer(200, cc, fresh, "Vary", ", *"), VaryAny},
		"Vary: *, second line":         {answer(200, cc, fresh, "Vary", "Foo", "Vary", "*"), VaryAny},
		"Vary: *, after an empty line": {answer(200, cc, fresh, "Vary", "", "Vary", "*"), VaryAny},
		"Vary: **":                     {answer(200, cc, fresh, "Vary", "a b"), VaryAny},
		"own dictionary":               {answer(200, cc, fresh, "Content-Encoding", "DCB"), Dictionary},
		"gzip":                         {answer(200, cc, fresh, "Content-Encoding", "gzip"), ""},
		"Trailer":                      {answer(200, cc, fresh, "Trailer", "X-Sum"), Trailer},
		"route TTL":                    {routed(200, freshness.Policy{TTL: map[int]time.Duration{200: time.Minute}}), ""},
		"route TTL, other status":      {routed(404, freshness.Policy{TTL: map[int]time.Duration{200: time.Minute}}), NoFreshness},
		"route TTL, no-store":          {routed(200, freshness.Policy{TTL: map[int]time.Duration{200: time.Minute}}, cc, "no-store"), NoStore},
		"route TTL, private":           {routed(200, freshness.Policy{TTL: map[int]time.Duration{200: time.Minute}}, cc, "private"), Private},
		"route TTL, Set-Cookie":        {routed(200, freshness.Policy{TTL: map[int]time.Duration{200: time.Minute}}, "Set-Cookie", "a"), SetCookie},
	} {
		require.Equal(t, c.want, Answer(get(), c.answer, Rules{}), name)
	}
}

// What the request has to do with it. RFC 9111, section 3.5: Authorization.
func TestAnswersByTheirRequests(t *testing.T) {
	plain := answer(200, "Cache-Control", "max-age=60")
	public := answer(200, "Cache-Control", "max-age=60, public")
	for name, c := range map[string]struct {
		asked  Asked
		answer Answered
		want   Reason
	}{
		"HEAD":                            {Asked{Method: "HEAD"}, plain, Method},
		"POST":                            {Asked{Method: "POST"}, plain, Method},
		"unknown method":                  {Asked{Method: "M-SEARCH"}, plain, Method},
		"lower case is another method":    {Asked{Method: "get"}, plain, Method},
		"GET with a body":                 {Asked{Method: "GET", Body: true}, plain, RequestBody},
		"Cookie":                          {get("Cookie", "a=b"), plain, Cookie},
		"Cookie, public":                  {get("Cookie", "a=b"), public, Cookie},
		"no-store":                        {get("Cache-Control", "no-store"), plain, RequestSaysNo},
		"Authorization":                   {get("Authorization", "x"), plain, Authorization},
		"Authorization, empty":            {get("Authorization", ""), plain, Authorization},
		"Authorization, public":           {get("Authorization", "x"), public, ""},
		"Authorization, s-maxage":         {get("Authorization", "x"), answer(200, "Cache-Control", "s-maxage=60"), ""},
		"Authorization, must-revalidate":  {get("Authorization", "x"), answer(200, "Cache-Control", "max-age=60, must-revalidate"), ""},
		"Authorization, Vary on it":       {get("Authorization", "x"), answer(200, "Cache-Control", "max-age=60", "Vary", "Authorization"), Authorization},
		"Authorization, max-age and more": {get("Authorization", "x"), answer(200, "Cache-Control", "max-age=60, immutable"), Authorization},
	} {
		require.Equal(t, c.want, Answer(c.asked, c.answer, Rules{}), name)
	}
	require.Empty(t, Request(Asked{Method: "HEAD"}, Rules{}), "HEAD is answered from what is stored")
	require.Equal(t, Authorization, Shared(get("Authorization", "x"), plain.Said, Rules{}), "nor is it served to one")
	require.Empty(t, Shared(get(), plain.Said, Rules{}))
}

// What the route allows, and what not even it does.
func TestRulesAllowWhatTheyName(t *testing.T) {
	const cc = "Cache-Control"
	session := answer(200, cc, "max-age=60")
	session.Session = true
	cookie := answer(200, cc, "max-age=60", "Set-Cookie", "a=b")
	personal := get("Cookie", "a=b", "Authorization", "x")
	for name, c := range map[string]struct {
		asked  Asked
		answer Answered
		rules  Rules
		want   Reason
	}{
		"public: credentials":       {personal, answer(200, cc, "max-age=60"), Rules{Public: true}, ""},
		"public: session":           {get(), session, Rules{Public: true}, Session},
		"per user: session":         {get(), session, Rules{PerUser: true}, ""},
		"no rule: session":          {get(), session, Rules{}, Session},
		"public: not private":       {get(), answer(200, cc, "max-age=60, private"), Rules{Public: true}, Private},
		"public: not Set-Cookie":    {get(), cookie, Rules{Public: true}, SetCookie},
		"per user: private":         {personal, answer(200, cc, "max-age=60, private"), Rules{PerUser: true}, ""},
		"per user: not no-store":    {personal, answer(200, cc, "max-age=60, no-store"), Rules{PerUser: true}, NoStore},
		"per user: not Set-Cookie":  {personal, cookie, Rules{PerUser: true}, SetCookie},
		"over private":              {get(), answer(200, cc, "max-age=60, private"), Rules{OverPrivate: true}, ""},
		"over private: not users":   {personal, answer(200, cc, "max-age=60, private"), Rules{OverPrivate: true}, Cookie},
		"over no-store":             {get(), answer(200, cc, "max-age=60, no-store"), Rules{OverNoStore: true}, ""},
		"over no-store: not 206":    {get(), answer(206, cc, "max-age=60, no-store"), Rules{OverNoStore: true}, Partial},
		"over no-store: understand": {get(), answer(599, cc, "max-age=60, must-understand"), Rules{OverNoStore: true}, NotUnderstood},
		"over Set-Cookie":           {get(), cookie, Rules{OverSetCookie: true}, ""},
	} {
		require.Equal(t, c.want, Answer(c.asked, c.answer, c.rules), name)
	}
}

// RFC 9111, section 3.3: incomplete answers.
func TestBodiesThatAreNotWhole(t *testing.T) {
	require.Empty(t, Body(answer(200), 5))
	require.Empty(t, Body(answer(200, "Content-Length", "5"), 5))
	require.Equal(t, Incomplete, Body(answer(200, "Content-Length", "5"), 4))
	require.Equal(t, Incomplete, Body(answer(200, "Content-Length", "5"), 6))
	require.Equal(t, Incomplete, Body(answer(200, "Content-Length", "five"), 5))
	require.Equal(t, Incomplete, Body(answer(200, "Content-Length", "5", "Content-Length", "6"), 5))
	require.Equal(t, Trailer, Body(answer(200, http.TrailerPrefix+"X-Sum", "1"), 5))
}

// RFC 9111, section 3.1: stored header fields.
func TestHeaderLeavesOutWhatIsForOneHopOrClient(t *testing.T) {
	h := header("Connection", "x-hop, close", "X-Hop", "1", "Keep-Alive", "1", "Te", "1", "Upgrade", "h2c", "Proxy-Authenticate", "x",
		"Age", "5", "Set-Cookie", "a=b", "Retry-After", "1", "RateLimit", "1", "RateLimit-Policy", "1", "X-RateLimit-Limit", "1",
		"X-Mine", "1", "X-Part", "1", http.TrailerPrefix+"X-Sum", "1",
		"Cache-Control", `max-age=60, private="x-mine", no-cache="x-part"`, "Date", "now", "ETag", `"a"`, "X-Kept", "1", "X-Kept", "2")
	stored := Header(h, directive.OfAnswer(h))
	require.Equal(t, header("Age", "5", "Cache-Control", `max-age=60, private="x-mine", no-cache="x-part"`, "Date", "now", "ETag", `"a"`,
		"X-Kept", "1", "X-Kept", "2"), stored)
	require.Equal(t, "a=b", h.Get("Set-Cookie"), "the client gets them")
}

func TestEachReasonIsATokenWithAnExplanation(t *testing.T) {
	seen := map[Reason]bool{}
	for _, r := range Reasons {
		require.True(t, field.IsToken(string(r.Reason)), r.Reason)
		require.NotEmpty(t, r.Explanation)
		require.False(t, seen[r.Reason])
		seen[r.Reason] = true
	}
	require.Len(t, seen, 19)
}
