// Package ratelimit decides how often somebody may do something, for a whole fleet: the state is in Redis, and a
// decision is one script on one slot, by Redis's clock.
//
//	limiter := ratelimit.New(rdb, ratelimit.SlidingWindow(100, time.Minute))
//	defer limiter.Close()
//	r, err := limiter.Allow(ctx, "user:42")         // r.Allowed, r.Remaining, r.RetryAfter
//	http.ListenAndServe(addr, limiter.Middleware(mux)) // by client address
//
// # Policies
//
// The table shows the most that each policy lets through in a window of its length, the least that it gives to callers who
// keep the limit, and what it costs. L is the limit, B a bucket's burst. Steady callers space their permits evenly, or come back
// after RetryAfter. Bursts are the whole limit at once, a window apart. A test searches for the worst case of each, one
// measures both sides at limits from 1 to 100, and another compares every decision with a model.
//
//	policy                           at most      steady gets     bursts get   in Redis
//	SlidingWindow(L, w), L up to 20  L            all             all          one string, up to L times
//	SlidingWindow(L, w), L above 20  2L-1         (L-1)/L         1/2          one string, about 30 bytes
//	SlidingWindow(L, w).Counter()    2L-1         (L-1)/L, 1/2    1/2          the same, also for a small L
//	SlidingWindow(L, w).Exact()      L            all             all          a sorted set of L members
//	SlidingWindow(L, w).Strict(n)    L            n/(n+1), (L)    1/2          one string, up to n counts
//	TokenBucket(rate, B)             B + rate*w   all             B at a time  one string, about 40 bytes
//	FixedWindow(L, w)                2L           all             all          one string, about 30 bytes
//	Concurrency(n, lease)            n at once    all             all          a sorted set of n members
//
// (L) means that a small L gets less: Strict gives a steady caller no more than L/(L+1), so half of a limit of 1, and so does
// Counter. RetryAfter is exact for all but Concurrency, where it is the end of a lease that may be renewed.
//
// Exact means that the same request is allowed after RetryAfter and denied a microsecond before, if nobody else takes a
// permit in between. Use SlidingWindow unless its bound is too weak, Strict if the limit is a promise to somebody else, and
// TokenBucket to smooth traffic. If the clock of Redis steps back by less than a window (a failover to a server that is
// behind) nothing more is let through. After a longer step the state counts as old and is dropped, except for leases, which
// their holders renew.
//
// # Which limiters share a state
//
// Limiters with the same [Namespace], [Name] and policy are one limiter, on all nodes. With a Name the limit or burst may
// differ, so a deployment that changes it forgets nothing. Another kind (a SlidingWindow of up to 20 and one above are two),
// window, rate or lease begins anew, because the numbers would mean something else. While both versions run each counts for
// itself, so together they allow at most what both policies do. Without a Name another limit is another limiter. Two limiters
// of one process that share a state are logged once; see [Shared]. If their policies differ New panics, and a [Table] refuses
// such rules.
//
// # What is charged
//
// A denial is charged nothing and writes nothing. [All] charges several policies in one step or none; [AllowAll] and
// [Stack] do so for different keys, with refunds. The limiter has a client of its own, made from the options of the
// one it is given. It sends each charge once: if an answer is lost a permit may be lost, but none is taken twice.
//
// # When Redis is away
//
// Each command has a timeout, and after some failures a breaker spares requests the wait; see [Breaker]. Then [Local] (the
// default), [FailOpen] or [FailClosed] decides. The breaker closes when Redis answers a probe in the background.
//
// # HTTP
//
// The middleware sets RateLimit and RateLimit-Policy as structured fields, RFC 9651, as in
// draft-ietf-httpapi-ratelimit-headers-10: a work in progress, so names and parameters may change with it. The answer to a
// denied request is 429 with Retry-After and problem details, RFC 9457, of the draft's type, or a page for browsers. The
// client's address is that of the connection unless [ClientIP] says otherwise. Verified users are charged by [ByUser]. The guide
// is docs/ratelimit.md.
package ratelimit
