// Package consistency finds out whether a cache tells the truth.
//
//	monitor := consistency.NewMonitor(products)          // compares 1 % of the hits with the source, in the background
//	fmt.Print(monitor.Report())                          // hit ratios, checks, and which keys are wrong
//	report, err := consistency.Audit(ctx, products)      // compares all that is there
//	alerts := consistency.NewAlerts(st)                  // says when something goes wrong, and when it is over
//	mux.Handle("/ready", consistency.NewHealth(st).Ready())
//
// # What counts as wrong
//
// An answer of the cache is wrong if the cache gives it as current, the source says something else, and no write that
// is under way explains the difference. So these are not wrong:
//
//   - An answer past its time to live, which cacheable.FailSafe gives because the loader failed, or after evict.Expire:
//     store.CacheStats.StaleHits counts it, and cacheable.GetInfo says so.
//   - A difference that goes away within [Grace]: between the moment at which a write takes effect at the source and the
//     eviction that follows it every cache is behind its source.
//   - A difference that is younger than what [Tolerate] allows, where a time to live is all that keeps the cache right.
//
// A difference is real if the very same entry (each has a token that no other has) stood all the time while the source
// was asked at least twice, Grace apart, and contradicted it each time with the same answer. If the source gives another
// answer each time, it is asked again, in the end twice in a row: two different answers then mean that the loader can't
// be compared, which is counted apart; see [Equal].
//
// Both sides are compared as they are stored: bytes that are equal are, and otherwise what the codec makes of them is
// compared with reflect.DeepEqual, or with [Equal]. That the source has nothing is an answer like any other.
package consistency
