// Package cacheable decorates loader functions: what a loader returns is kept in Redis, and the decorated function is
// used in its place.
//
//	products := cacheable.New(st, "product", repo.FindByID, cacheable.TTL(10*time.Minute))
//	p, err := products.Get(ctx, id) // as repo.FindByID(ctx, id)
//
// # What a caller can rely on
//
//   - A read that begins after an eviction has returned, on whatever node, never sees what was read before it.
//   - On a miss the loader runs once in the whole fleet; all who ask meanwhile wait for it, each no longer than its
//     own context allows. A caller that leaves takes nobody with it.
//   - Redis being slow, full, read-only or gone never fails a read that the loader can answer.
//   - What is under the key but is not an entry of this cache (damaged, of another type, of another program) is a
//     counted miss.
//   - Every caller gets a value of its own: what one does to it no other sees. The exceptions are values that the codec
//     can't encode, those that the loader returns beside an error, and those of [Near] where there is no [Clone].
//
// The loader runs in a goroutine of its own, with the values of the first caller's context but not its cancellation.
// A panic in it is a panic in every caller that waits, with a [*PanicError] as its value. A loader that reads its own
// key through the cache waits for itself.
package cacheable
