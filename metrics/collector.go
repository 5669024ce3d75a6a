package metrics

import (
	"fmt"
	"maps"
	"slices"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/jollyjet/aside/store"
)

// New returns a collector for the metrics of one or several stores. Stores that are opened later get collectors of
// their own, which can be registered beside it. New panics if there is no store, if one is nil, or if two have the same
// namespace, for then Prometheus could not tell them apart; where that has to be, wrap the registerer of each with
// prometheus.WrapRegistererWith.
func New(stores ...*store.Store) prometheus.Collector {
	if len(stores) == 0 {
		panic("metrics: New: name at least one store")
	}
	var c collector
	seen := make(map[string]bool)
	for i, st := range stores {
		if st == nil {
			panic(fmt.Sprintf("metrics: New: store %d is nil", i+1))
		}
		if seen[st.Namespace()] {
			panic(fmt.Sprintf("metrics: New: two stores of the namespace %q; give each a collector and a registerer of its own", st.Namespace()))
		}
		seen[st.Namespace()] = true
		c = append(c, newSource(st.Namespace(), st.Stats))
	}
	return c
}

type collector []*source

// source is what a store has to tell. The namespace is a constant label, so that the collectors of two stores differ in
// what they describe and can be registered both.
type source struct {
	stats    func() store.Stats
	ofStore  []*prometheus.Desc // one for each of storeMetrics
	ofCache  []*prometheus.Desc // one for each of cacheMetrics
	loadTime *prometheus.Desc
}

func newSource(namespace string, stats func() store.Stats) *source {
	labels := prometheus.Labels{"namespace": namespace}
	s := &source{stats: stats}
	for _, m := range storeMetrics {
		s.ofStore = append(s.ofStore, prometheus.NewDesc(m.name, m.help, m.labels(), labels))
	}
	for _, m := range cacheMetrics {
		s.ofCache = append(s.ofCache, prometheus.NewDesc(m.name, m.help, append([]string{"cache"}, m.labels()...), labels))
	}
	s.loadTime = prometheus.NewDesc("aside_load_duration_seconds",
		"How long calls of the loader took, or were waited for.", []string{"cache"}, labels)
	return s
}

// Describe implements [prometheus.Collector].
func (c collector) Describe(ch chan<- *prometheus.Desc) {
	for _, s := range c {
		for _, d := range slices.Concat(s.ofStore, s.ofCache, []*prometheus.Desc{s.loadTime}) {
			ch <- d
		}
	}
}

// Collect implements [prometheus.Collector].
func (c collector) Collect(ch chan<- prometheus.Metric) {
	for _, s := range c {
		s.collect(ch)
	}
}

func (s *source) collect(ch chan<- prometheus.Metric) {
	stats := s.stats()
	for i, m := range storeMetrics {
		m.read(&stats, func(value float64, labels ...string) {
			ch <- prometheus.MustNewConstMetric(s.ofStore[i], m.kind, value, labels...)
		})
	}
	for _, name := range slices.Sorted(maps.Keys(stats.Caches)) {
		cache := stats.Caches[name]
		for i, m := range cacheMetrics {
			m.read(&cache, func(value float64, labels ...string) {
				ch <- prometheus.MustNewConstMetric(s.ofCache[i], m.kind, value, append([]string{name}, labels...)...)
			})
		}
		ch <- histogram(s.loadTime, &cache.LoadTimes, name)
	}
}

func histogram(desc *prometheus.Desc, d *store.Durations, labels ...string) prometheus.Metric {
	buckets := make(map[float64]uint64, len(d.Buckets))
	for _, b := range d.Buckets {
		buckets[b.UpTo.Seconds()] = uint64(b.Count) //nolint:gosec // counts are never negative
	}
	return prometheus.MustNewConstHistogram(desc, uint64(d.Count), d.Sum.Seconds(), buckets, labels...) //nolint:gosec // as above
}
