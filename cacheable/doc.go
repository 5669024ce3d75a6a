// Package cacheable decorates loader functions: the decorated function keeps in Redis what the loader returns, and is
// used in its place.
//
//	products := cacheable.New(st, "product", repo.FindByID, cacheable.TTL(10*time.Minute))
//	p, err := products.Get(ctx, id) // as repo.FindByID(ctx, id)
//
// # What a caller can rely on
//
//   - A read that begins after an eviction has returned, on any node, never sees a value that was read before it.
//   - On a miss the loader runs once in the whole fleet. All callers that ask meanwhile wait for it, each no longer
//     than its own context allows. A caller that leaves does not disturb the others.
//   - A Redis that is slow, full, read-only or gone never fails a read that the loader can answer.
//   - Data under the key that is not an entry of this cache (damaged, of another type, of another program) is a counted
//     miss.
//   - Every caller gets its own value: what it does to the value no other caller sees. The exceptions are values that
//     the codec can't encode, values that the loader returns beside an error, and those of [Near] without a [Clone].
//
// A loader may read other caches. Pass it on the context that it gets: then these reads ask Redis for all that they depend on, as
// with store.Strict, because what they find is stored for the time to live of another entry, on all nodes. An answer that is past
// its time to live ([FailSafe]) makes the load's own result one that is not stored. Evict what is read by other loaders in the same
// call, or before, what is loaded from it.
//
// The loader runs in a goroutine of its own, with the values of the first caller's context but not its cancellation. A
// panic in it becomes a panic in every caller that waits, with a [*PanicError] as its value. A loader that reads its
// own key through the cache waits for itself.
package cacheable
