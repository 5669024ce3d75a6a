// Package metrics exports the statistics of stores, rate limiters, sessions and consumers of changes to Prometheus:
//
//	prometheus.MustRegister(metrics.New(st), metrics.Limiter(mails), metrics.LimitTable(api),
//		metrics.Sessions(sessions), metrics.Changes(changes))
//
// Everything is read from Stats when Prometheus scrapes; between scrapes it costs nothing. Labels are the namespace,
// names given by the program, routes and policies of rate limits, and words from fixed lists. There are about fifty
// series for each cache and about twenty for each rate limit. Only aside_breaker_open has one for each master. Keys are
// never labels.
//
// The folder examples/observability has a Grafana dashboard and alert rules that use these metrics.
package metrics
