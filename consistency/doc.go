// Package consistency finds out whether a cache returns what the source would.
//
//	monitor := consistency.NewMonitor(products)          // compares 1 % of the hits with the source, in the background
//	fmt.Print(monitor.Report())                          // hit ratios, checks, and which keys are wrong
//	report, err := consistency.Audit(ctx, products)      // compares all entries
//	alerts := consistency.NewAlerts(st)                  // reports when something goes wrong, and when it is over
//	mux.Handle("/ready", consistency.NewHealth(st).Ready())
//
// # What counts as wrong
//
// An answer of the cache is wrong if the cache returns it as current, the source returns something else, and no write
// in progress explains the difference. These are not wrong:
//
//   - A value past its TTL, which cacheable.FailSafe returns because the loader failed, or after evict.Expire:
//     store.CacheStats.StaleHits counts it, and cacheable.GetInfo tells it.
//   - A difference that disappears within [Grace]: every cache is behind its source between the moment at which a write
//     takes effect and the eviction that follows it.
//   - A difference that is younger than [Tolerate] allows, for caches that rely on their TTL alone.
//
// A difference counts if the entry contradicted the source in at least two comparisons, Grace apart. It must have been
// the same entry each time (each has a unique token), and the source must have given the same answer. If the source
// keeps changing its answer, it is asked twice in a row in the end. Two different answers then mean that the loader
// can't be compared, which is counted separately; see [Equal].
//
// Both sides are compared as they are stored. Equal bytes are equal; otherwise the decoded values are compared with
// reflect.DeepEqual, or with [Equal]. The absence of a value is an answer like any other.
package consistency

// Structure, for maintainers:
//
// A Monitor samples hits, and its checker compares them. An Audit walks all entries. Both use a comparer, which asks
// the source and keeps a mismatch open until later comparisons confirm or explain it. Reports, findings and options are
// at the bottom and use none of these.
//
// Locks: each belongs to one type (findings, recheckQueue, limiter, countsHistory, Alerts). None is held while another
// is taken, while Redis or the source is asked, or while a function of the user's runs.
