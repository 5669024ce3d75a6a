package metrics

import (
	"maps"
	"slices"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/jollyjet/aside/internal/histogram"
	"github.com/jollyjet/aside/ratelimit"
)

// Limiter returns a collector for the metrics of a rate limiter, labelled with its name and policy. To be registered
// together, limiters and tables of one namespace need different names ([ratelimit.Name]). Limiter panics if the limiter
// is nil.
func Limiter(l *ratelimit.Limiter) prometheus.Collector {
	if l == nil {
		panic("metrics: Limiter: the limiter is nil; leave it out")
	}
	return newLimits(l.Namespace(), l.Name(), func() map[string]ratelimit.Stats {
		return map[string]ratelimit.Stats{"": l.Stats()}
	})
}

// LimitTable returns a collector for the metrics of a table of rate limits, labelled with the table's name and, for
// each rule, with its route and policy. The counters of a rule restart at zero when it changes. To be registered
// together, limiters and tables of one namespace need different names ([ratelimit.Name]). LimitTable panics if the
// table is nil.
func LimitTable(t *ratelimit.Table) prometheus.Collector {
	if t == nil {
		panic("metrics: LimitTable: the table is nil; leave it out")
	}
	return newLimits(t.Namespace(), t.Name(), t.Stats)
}

// limits are limiters by route. A limiter without a route has an empty one, which Prometheus treats as no label.
type limits struct {
	group[ratelimit.Stats]
	stats func() map[string]ratelimit.Stats
}

func newLimits(namespace, name string, stats func() map[string]ratelimit.Stats) prometheus.Collector {
	labels := prometheus.Labels{"namespace": namespace, "limiter": name}
	return collector{&limits{newGroup(limitMetrics, labels, "route", "policy"), stats}}
}

func (l *limits) collect(ch chan<- prometheus.Metric) {
	all := l.stats()
	for _, route := range slices.Sorted(maps.Keys(all)) {
		stats := all[route]
		l.group.collect(ch, &stats, route, stats.Policy)
	}
}

var limitMetrics = []metric[ratelimit.Stats]{
	counters("aside_ratelimit_decisions_total",
		"Requests by decision; those that only shadow mode allowed are shadow_denied.", "result",
		func(s *ratelimit.Stats) []part {
			return []part{
				{"allowed", s.Allowed - s.ShadowDenied},
				{"denied", s.Denied},
				{"local_denied", s.LocalDenied},
				{"shadow_denied", s.ShadowDenied},
			}
		}),
	counter("aside_ratelimit_fallbacks_total", "Requests decided without Redis.",
		func(s *ratelimit.Stats) int64 { return s.Fallback }),
	counter("aside_ratelimit_errors_total", "Times that Redis failed to answer, or answered too late.",
		func(s *ratelimit.Stats) int64 { return s.Errors }),
	counter("aside_ratelimit_leases_retaken_total", "Leases of concurrency limits that Redis had lost, and that a renewal took back.",
		func(s *ratelimit.Stats) int64 { return s.LeasesRetaken }),
	counter("aside_ratelimit_leases_lost_total", "Permits in use whose lease was lost, so that the work was told to stop.",
		func(s *ratelimit.Stats) int64 { return s.LeasesLost }),
	counter("aside_ratelimit_cost_errors_total", "Requests with a cost that can never be allowed.",
		func(s *ratelimit.Stats) int64 { return s.CostErrors }),
	gauge("aside_ratelimit_breaker_open", "Whether the circuit breaker is open, so that Redis is not asked.",
		func(s *ratelimit.Stats) float64 { return truth(s.BreakerOpen) }),
	timing("aside_ratelimit_duration_seconds", "Duration of decisions.",
		func(s *ratelimit.Stats) histogram.Durations { return histogram.Durations(s.Took) }),
}
