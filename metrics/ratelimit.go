package metrics

import (
	"maps"
	"slices"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/jollyjet/aside/internal/histogram"
	"github.com/jollyjet/aside/ratelimit"
)

// Limiter returns a collector for the metrics of a rate limiter, under its name and its policy. Limiters and tables of one
// namespace need different names ([ratelimit.Name]) to be registered together. Limiter panics if it is nil.
func Limiter(l *ratelimit.Limiter) prometheus.Collector {
	if l == nil {
		panic("metrics: Limiter: the limiter is nil; leave it out")
	}
	return newLimits(l.Namespace(), l.Name(), func() map[string]ratelimit.Stats {
		return map[string]ratelimit.Stats{"": l.Stats()}
	})
}

// LimitTable returns a collector for the metrics of a table of rate limits, under the table's name, and for each rule its
// route and its policy. The counters of a rule that is changed begin anew. Limiters and tables of one namespace need
// different names ([ratelimit.Name]) to be registered together. LimitTable panics if it is nil.
func LimitTable(t *ratelimit.Table) prometheus.Collector {
	if t == nil {
		panic("metrics: LimitTable: the table is nil; leave it out")
	}
	return newLimits(t.Namespace(), t.Name(), t.Stats)
}

// limits are limiters by route; one without a route has the empty one, which to Prometheus is no label at all.
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
		"Requests by what was decided; those that shadow mode allowed all the same are shadow_denied.", "result",
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
	counter("aside_ratelimit_errors_total", "Times that Redis could not be asked, or not in time.",
		func(s *ratelimit.Stats) int64 { return s.Errors }),
	gauge("aside_ratelimit_breaker_open", "Whether Redis is not asked because it did not answer.",
		func(s *ratelimit.Stats) float64 { return truth(s.BreakerOpen) }),
	timing("aside_ratelimit_duration_seconds", "How long decisions took.",
		func(s *ratelimit.Stats) histogram.Durations { return histogram.Durations(s.Took) }),
}
