// Package aside is the root of a library of decorators that put Redis in front of any loader function and keep the cached
// values correct. It holds no code; import the packages below it.
//
//   - store opens a namespace in Redis. The decorators are built on it.
//   - cacheable decorates reads: cache-aside, with one load per miss in the whole fleet.
//   - evict decorates writes, and evicts directly: by key, by tag, by pattern, everything.
//   - consistency checks whether a cache is correct: monitor, audit, alerts, health.
//   - ratelimit limits how often something happens, with middleware for net/http.
//   - session keeps sessions, with middleware for net/http.
//   - metrics exports to Prometheus what all of these count.
//   - codec and the packages below it encode values.
//
// Imports go down only. Each line is a layer; a package imports packages of lower layers, never of its own:
//
//	metrics
//	cacheable  evict  consistency  ratelimit  session  httpcache
//	store
//	codec
//	internal:  engine
//	           checkpoint  entry  scan
//	           eviction
//	           outbox
//	           tagversion
//	           dataset  tracking
//	           breaker  lua  memorypolicy  setup  wire
//	           redisx
//	           clientip  envelope  fidelity  flight  histogram  journal  keyspace  lifecycle  lru  pause  slicesx  tracing
//	           background
//	httpcache/internal/storable
//	httpcache/internal/freshness
//	httpcache/internal/cachestatus  httpcache/internal/conditional  httpcache/internal/directive  httpcache/internal/freshen  httpcache/internal/invalidation  httpcache/internal/novary  httpcache/internal/ranges  httpcache/internal/vary
//	httpcache/internal/field
//
// The modules examples, bench and otelaside stand above all of them. Package evict and package consistency use cacheable
// through interfaces of their own. A test holds this graph, and keeps large cycles out of every package (internal/archtest).
// The documentation in docs/architecture.md says which file answers which question.
package aside
