package metrics

import (
	"slices"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/jollyjet/aside/internal/histogram"
)

// emit receives one value, with the value of the metric's own label if it has one.
type emit func(value float64, label ...string)

// metric is a metric that is read from S.
type metric[S any] struct {
	name, help string
	kind       prometheus.ValueType
	label      string // its own label, besides those of its source; may be empty
	read       func(*S, emit)
	times      func(*S) histogram.Durations // instead of read, for a histogram
}

func (m metric[S]) labels() []string {
	if m.label == "" {
		return nil
	}
	return []string{m.label}
}

// counter returns a metric that is one counter.
func counter[S any](name, help string, value func(*S) int64) metric[S] {
	return metric[S]{name: name, help: help, kind: prometheus.CounterValue, read: func(s *S, out emit) { out(float64(value(s))) }}
}

// gauge returns a metric that is one gauge.
func gauge[S any](name, help string, value func(*S) float64) metric[S] {
	return metric[S]{name: name, help: help, kind: prometheus.GaugeValue, read: func(s *S, out emit) { out(value(s)) }}
}

// part is the counter for one value of a label.
type part struct {
	label string
	value int64
}

// counters returns a metric that is one counter for each value of a label.
func counters[S any](name, help, label string, parts func(*S) []part) metric[S] {
	return metric[S]{name: name, help: help, kind: prometheus.CounterValue, label: label, read: func(s *S, out emit) {
		for _, p := range parts(s) {
			out(float64(p.value), p.label)
		}
	}}
}

// timing returns a metric that is a histogram.
func timing[S any](name, help string, times func(*S) histogram.Durations) metric[S] {
	return metric[S]{name: name, help: help, times: times}
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// group is the metrics of one source, with their descriptions.
type group[S any] struct {
	metrics []metric[S]
	descs   []*prometheus.Desc
}

// newGroup describes metrics. Constant labels distinguish sources that are registered one by one, variable labels those
// of one collector.
func newGroup[S any](metrics []metric[S], constant prometheus.Labels, variable ...string) group[S] {
	g := group[S]{metrics: metrics}
	for _, m := range metrics {
		g.descs = append(g.descs, prometheus.NewDesc(m.name, m.help, slices.Concat(variable, m.labels()), constant))
	}
	return g
}

func (g *group[S]) describe(ch chan<- *prometheus.Desc) {
	for _, d := range g.descs {
		ch <- d
	}
}

// collect sends the metrics with the values of the variable labels.
func (g *group[S]) collect(ch chan<- prometheus.Metric, s *S, values ...string) {
	for i, m := range g.metrics {
		if m.times != nil {
			ch <- constHistogram(g.descs[i], m.times(s), values...)
			continue
		}
		m.read(s, func(value float64, own ...string) {
			ch <- prometheus.MustNewConstMetric(g.descs[i], m.kind, value, slices.Concat(values, own)...)
		})
	}
}

func constHistogram(desc *prometheus.Desc, d histogram.Durations, labels ...string) prometheus.Metric {
	buckets := make(map[float64]uint64, len(d.UpTo))
	for bound, count := range d.UpTo {
		buckets[bound.Seconds()] = uint64(count) //nolint:gosec // counts are never negative
	}
	return prometheus.MustNewConstHistogram(desc, uint64(d.Count), d.Sum.Seconds(), buckets, labels...) //nolint:gosec // as above
}
