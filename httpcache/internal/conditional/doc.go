// Package conditional evaluates the conditions of a request on a stored answer (RFC 9110, section 13, and RFC 9111, section
// 4.3), and makes those that the cache itself sends to the handler.
//
//	if conditional.OriginOnly(request.Header) { ... }           // not for a cache to judge: ask the handler
//	switch conditional.Evaluate(method, request.Header, stored, now) { case conditional.NotModified: ... }
//	conditional.RangeApplies(request.Header, stored, now)       // If-Range
//
//	conditional.Strip(request.Header)                            // a fill gets the whole answer
//	conditional.Revalidate(request.Header, stored.Header, now)   // a revalidation asks with our validators
//
// An entity tag that isn't well-formed is compared byte by byte, and so equals only itself.
package conditional
