package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/jollyjet/aside/evict"
)

// Changes returns a collector for the metrics of a consumer of changes (see [evict.FromChanges]), labelled with its
// name. It panics if the consumer is nil.
func Changes(c *evict.Changes) prometheus.Collector {
	if c == nil {
		panic("metrics: Changes: the consumer is nil; leave it out")
	}
	return newChanges(c.Namespace(), c.Name(), c.Stats)
}

func newChanges(namespace, name string, stats func() evict.ChangesStats) prometheus.Collector {
	labels := prometheus.Labels{"namespace": namespace, "changes": name}
	return collector{&one[evict.ChangesStats]{newGroup(changesMetrics, labels), stats}}
}

var changesMetrics = []metric[evict.ChangesStats]{
	gauge("aside_changes_leading", "Whether this process consumes the changes; one in the fleet does.",
		func(s *evict.ChangesStats) float64 { return truth(s.Leading) }),
	counter("aside_changes_handled_total", "Changes whose evictions are confirmed.",
		func(s *evict.ChangesStats) int64 { return s.Changes }),
	counter("aside_changes_evictions_total", "Keys and tags evicted because of changes.",
		func(s *evict.ChangesStats) int64 { return s.Evictions }),
	gauge("aside_changes_pending", "Changes received whose evictions are not confirmed yet.",
		func(s *evict.ChangesStats) float64 { return float64(s.Pending) }),
	counter("aside_changes_retries_total", "Times that Redis did not confirm evictions, so that they were retried.",
		func(s *evict.ChangesStats) int64 { return s.Retries }),
	counter("aside_changes_failures_total", "Times that the source of changes or its stream failed.",
		func(s *evict.ChangesStats) int64 { return s.Failures }),
	counter("aside_changes_resets_total", "Times that everything the targets cover was evicted, because there was no position to continue from.",
		func(s *evict.ChangesStats) int64 { return s.Resets }),
	counter("aside_changes_unreplicated_total", "Times that evictions because of changes were carried out, but too few replicas confirmed them in time.",
		func(s *evict.ChangesStats) int64 { return s.Unreplicated }),
	counter("aside_changes_passed_total", "Changes that could not be read or evicted, so that everything they may concern was evicted instead.",
		func(s *evict.ChangesStats) int64 { return s.Passed }),
	gauge("aside_changes_failing_seconds", "How long the source of changes has been failing; 0 while it works.",
		func(s *evict.ChangesStats) float64 { return s.FailingFor.Seconds() }),
	gauge("aside_changes_consecutive_failures", "Failures of the source of changes since it last worked.",
		func(s *evict.ChangesStats) float64 { return float64(s.ConsecutiveFailures) }),
	gauge("aside_changes_lag_seconds", "Time from a change to the confirmation of its eviction, at present.",
		func(s *evict.ChangesStats) float64 { return s.Lag.Seconds() }),
}
