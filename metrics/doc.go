// Package metrics shows to Prometheus what stores do, and what limits rates, keeps sessions and consumes changes:
//
//	prometheus.MustRegister(metrics.New(st), metrics.Limiter(mails), metrics.LimitTable(api),
//		metrics.Sessions(sessions), metrics.Changes(changes))
//
// Everything is read from their Stats when Prometheus scrapes; between scrapes it costs nothing. Labels are the
// namespace, the names that the program has given, routes and policies of rate limits, and words from fixed lists, so
// there are as many series as a program has caches, times about fifty, and as it has rate limits, times about twenty;
// only aside_breaker_open has one for each master. No key ever becomes a label.
//
// The folder examples/observability has a Grafana dashboard and alert rules that use these metrics.
package metrics
