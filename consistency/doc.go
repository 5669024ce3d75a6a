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
// the same entry each time (each has a unique token), and the source must have given the same answer: twice in a row at
// first, and six times in a row in the end.
//
// # Loaders that do not repeat their answers
//
// A loader may have several right answers: the order of a map, ties broken at random, the time of day. The monitor learns
// that for each class of keys (see [ClassOf]) from slips: the source changed its answer, and the entry is still there Grace
// later, so no write explains it. After two slips the class has the status [DoesNotRepeat], in the reports, in
// store.CheckStats.Unrepeating and once in the log. [Fix] leaves its entries. It loses that status after 300 comparisons
// without a slip. Sort what the loader returns, leave out the time, or write an [Equal]. A class shares the status of its
// cache until 300 comparisons of its own had no slip.
//
// What is guaranteed:
//
//   - Whatever the loader does, on average at most one compared hit in a hundred is called wrong although it is right. With
//     k answers that are equally likely it is one in k to the power of 8 until the first slip, and then none in practice:
//     60 answers in a row must agree. The worst case is a loader that gives another answer once in 60 times.
//   - A wrong entry is found however often the loader slips, as long as it seldom does: with slips in one of n answers, a
//     sampled hit finds it with a probability of about (1-1/n) to the power of 65. That is one half for n = 100, and 4 % for
//     n = 20. A loader that slips every other time hides wrong entries: they count as unsettled.
//   - Answers that change with the time, such as a time rounded to 10 s, are noticed if they change within four graces, and
//     within 12 s by a monitor. Until a class or its cache has shown that its answers last for so long, only its first
//     wrong entry is found after the grace, and the others after up to 18 s. Answers that change by themselves more seldom
//     are called wrong: they look like changes at the source. Use [Tolerate] or [Equal].
//
// # Loaders that hang
//
// At most [Concurrency] calls of the loader run at the same time for a monitor or an audit, those included that have
// outlived [LoadTimeout] and ignore their context. While all hang, also on behalf of other comparisons of the cache, hits
// are skipped and counted, the reports say so, and neither Close nor an audit waits for them.
//
// # How values are compared
//
// Both sides are compared as they are stored. Equal bytes are equal; otherwise the decoded values are compared as [Equal]
// says. The absence of a value is an answer like any other.
package consistency

// Structure, for maintainers:
//
// A Monitor samples hits, and its checker compares them. An Audit walks all entries. Both use a comparer, which asks
// the source and keeps a mismatch open until later comparisons confirm or explain it. Reports, findings and options are
// at the bottom and use none of these.
//
// All values are compared in comparer.same. What a difference is worth, and what it says of the loader, is decided in
// classes.judge (repeat.go).
//
// Locks: each belongs to one type (classes, findings, recheckQueue, limiter, countsHistory, Alerts). None is held while another
// is taken, while Redis or the source is asked, or while a function of the user's runs.
