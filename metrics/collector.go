package metrics

import (
	"fmt"
	"maps"
	"slices"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/jollyjet/aside/store"
)

// New returns a collector for the metrics of one or several stores. A store that is opened later gets a collector of
// its own, which can be registered beside it.
//
// New panics if there is no store, if a store is nil, or if two stores have the same namespace, because Prometheus
// could not tell them apart. If you need two, wrap the registerer of each with prometheus.WrapRegistererWith.
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
		c = append(c, newStore(st.Namespace(), st.Stats))
	}
	return c
}

// collector collects from one or several sources. Sources that may be registered one by one differ in constant labels,
// so that their descriptions differ, as Prometheus requires.
type collector []source

type source interface {
	describe(ch chan<- *prometheus.Desc)
	collect(ch chan<- prometheus.Metric)
}

// Describe implements [prometheus.Collector].
func (c collector) Describe(ch chan<- *prometheus.Desc) {
	for _, s := range c {
		s.describe(ch)
	}
}

// Collect implements [prometheus.Collector].
func (c collector) Collect(ch chan<- prometheus.Metric) {
	for _, s := range c {
		s.collect(ch)
	}
}

// one is a source with one set of statistics.
type one[S any] struct {
	group[S]
	stats func() S
}

func (o *one[S]) collect(ch chan<- prometheus.Metric) {
	stats := o.stats()
	o.group.collect(ch, &stats)
}

// ofStore is a store with its caches.
type ofStore struct {
	stats  func() store.Stats
	whole  group[store.Stats]
	caches group[store.CacheStats]
}

func newStore(namespace string, stats func() store.Stats) source {
	labels := prometheus.Labels{"namespace": namespace}
	return &ofStore{stats, newGroup(storeMetrics, labels), newGroup(cacheMetrics, labels, "cache")}
}

func (s *ofStore) describe(ch chan<- *prometheus.Desc) {
	s.whole.describe(ch)
	s.caches.describe(ch)
}

func (s *ofStore) collect(ch chan<- prometheus.Metric) {
	stats := s.stats()
	s.whole.collect(ch, &stats)
	for _, name := range slices.Sorted(maps.Keys(stats.Caches)) {
		cache := stats.Caches[name]
		s.caches.collect(ch, &cache, name)
	}
}
