// Package storable decides whether an answer may be kept in a shared cache (RFC 9111, sections 3 to 3.5), and says why not.
// It asks three times, each time as early as the question can be answered:
//
//	reason := storable.Request(request, rules)   // before the cache is looked at; else the handler is called as if there were none
//	reason := storable.Answer(request, answer, rules) // when the headers are there
//	reason := storable.Body(answer, written)     // when the handler returned
//
// The empty [Reason] means yes. The rules of the route can allow more than the default; only Public and PerUser do so
// without breaking a promise of the answer.
//
// Stricter than RFC 9111 by default are: a request with Cookie, an answer with Set-Cookie, a request with a body, trailers,
// and a session that was touched. An answer to a request with Authorization is stored only if it says public, s-maxage or
// must-revalidate (section 3.5), and one that doesn't is not served to such a request either.
package storable
