package storable

// Reason says why something isn't stored: a token, for the detail of Cache-Status. "" means that it is.
type Reason string

// The reasons, in the order in which they are looked at.
const (
	Method        Reason = "method"
	RequestBody   Reason = "request-body"
	Cookie        Reason = "cookie"
	RequestSaysNo Reason = "request-no-store"

	Informational Reason = "informational"
	Partial       Reason = "partial"
	NotModified   Reason = "not-modified"
	NotUnderstood Reason = "not-understood"
	NoStore       Reason = "no-store"
	Private       Reason = "private"
	SetCookie     Reason = "set-cookie"
	Session       Reason = "session"
	Authorization Reason = "authorization"
	VaryAny       Reason = "vary-any"
	Dictionary    Reason = "dictionary"
	Trailer       Reason = "trailer"
	NoFreshness   Reason = "no-freshness"
	NotReusable   Reason = "not-reusable"

	Incomplete Reason = "incomplete"
)

// Reasons are all of them with a sentence each, for the documentation.
var Reasons = []struct {
	Reason      Reason
	Explanation string
}{
	{Method, "Only answers to GET are stored; HEAD is answered from them."},
	{RequestBody, "A GET with a body is not the same question each time, and the body is not part of the key."},
	{Cookie, "The request had a Cookie. Say Public if the answer doesn't depend on it, Private(key) if it does."},
	{RequestSaysNo, "The request had Cache-Control: no-store."},
	{Informational, "An answer of 1xx is not the final one."},
	{Partial, "A part (206) is never stored as the whole."},
	{NotModified, "The handler answered 304 to a condition of the client; there is no body to store."},
	{NotUnderstood, "The answer said must-understand and has a status that this cache doesn't know."},
	{NoStore, "The answer said no-store."},
	{Private, "The answer said private. Private(key) stores it for one user."},
	{SetCookie, "The answer had Set-Cookie."},
	{Session, "The handler read or wrote the session. Private(key) stores the answer for one user."},
	{Authorization, "The request had Authorization and the answer said none of public, s-maxage, must-revalidate. Say Public or Private(key)."},
	{VaryAny, "The answer had Vary: * or a Vary that names no field: no other request can be known to match it."},
	{Dictionary, "The answer was compressed with the client's own dictionary (dcb, dcz)."},
	{Trailer, "The answer had trailers, which are not stored, and without them it would not be complete."},
	{NoFreshness, "The answer said nothing about how long it is fresh, and the route has no TTL for its status."},
	{NotReusable, "The answer was stale from the start and has no ETag and no Last-Modified to revalidate it with."},
	{Incomplete, "The body's length wasn't the one that Content-Length announced."},
}
