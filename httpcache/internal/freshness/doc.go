// Package freshness tells how long an answer is fresh for a shared cache, how old it is, and what may be done with it when
// it is stale (RFC 9111, section 4.2, and RFC 5861).
//
//	terms := freshness.Of(answer, directives, policy)  // once, when the answer is stored or freshened
//	switch terms.For(now, asked) { case freshness.Fresh: ... }
//
// What an answer says wins over the policy of the route, and a lifetime that can't be read is no lifetime: zero. There is
// none that nobody named; the heuristic is the route's own choice.
//
// must-revalidate, proxy-revalidate and no-cache close every window in which a stale answer is served. s-maxage closes
// those of the route's policy (RFC 9111, section 5.2.2.10) but not those which the same answer opens with
// stale-while-revalidate or stale-if-error: who writes both speaks to shared caches only, and means it.
package freshness
