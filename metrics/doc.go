// Package metrics shows what stores do to Prometheus:
//
//	prometheus.MustRegister(metrics.New(st))
//
// Everything is read from [store.Store.Stats] when Prometheus scrapes; between scrapes it costs nothing. Labels are the
// namespace, the cache, and words from fixed lists, so there are as many series as a program has caches, times about
// fifty; only aside_breaker_open has one for each master. No key ever becomes a label.
//
// The folder examples/observability has a Grafana dashboard and alert rules that use these metrics.
package metrics
