// Package ranges answers a request with Range from a whole stored answer (RFC 9110, section 14).
//
//	var plan ranges.Plan // the whole
//	if conditional.RangeApplies(request.Header, stored, now) {
//		plan = ranges.For(request.Method, request.Header, stored.Status, stored.Header, int64(len(body)))
//	}
//	status, header, part := plan.Answer(stored.Status, stored.Header, body)
//
// A Range that can't be read, of another unit, or that asks for more bytes than there are, is ignored, as the RFC lets any
// server do: the client gets the whole. Only a well-formed one of which nothing exists is refused with 416.
package ranges
