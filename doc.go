// Package aside is the root of a library of decorators that put Redis in front of any loader function, and keep what
// they cache right. It holds no code; import the packages below it.
//
//   - store opens a namespace in Redis, and is what the decorators are built on.
//   - cacheable decorates reads: cache-aside, with one load per miss in the whole fleet.
//   - evict decorates writes, and evicts directly: by key, by tag, by pattern, everything.
//   - consistency finds out whether a cache tells the truth: monitor, audit, alerts, health.
//   - ratelimit limits how often something is done, with middleware for net/http.
//   - session keeps sessions, with middleware for net/http.
//   - metrics shows to Prometheus what all of these count.
//   - codec and the packages below it encode values.
//
// Imports go one way:
//
//	examples, bench, otelaside  ->  metrics  ->  cacheable, evict, consistency, ratelimit, session  ->  store, codec  ->  internal
//
// Packages of the same layer do not import one another: evict and consistency meet cacheable through interfaces of their own.
package aside
