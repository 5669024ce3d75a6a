// Package invalidation tells what an answer makes stale, and by which names an answer can be made stale (RFC 9111, section
// 4.4, and RFC 9875).
//
//	stale := invalidation.By(request.Method, status, target, answer.Header) // before the first byte of the answer is sent
//	tags := invalidation.GroupTags(target, answer.Header)                    // when an answer is stored
//	tags = append(tags, invalidation.SurrogateKeys(answer.Header)...)
//
// A method that nobody knows is unsafe. Groups are those of one origin: their tags have it in them.
package invalidation
