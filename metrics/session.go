package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/jollyjet/aside/session"
)

// Sessions returns a collector for the metrics of a session manager. It panics if the manager is nil. Two managers of
// one namespace can't be registered together.
func Sessions[T any](m *session.Manager[T]) prometheus.Collector {
	if m == nil {
		panic("metrics: Sessions: the manager is nil; leave it out")
	}
	return newSessions(m.Namespace(), m.Stats)
}

func newSessions(namespace string, stats func() session.Stats) prometheus.Collector {
	return collector{&one[session.Stats]{newGroup(sessionMetrics, prometheus.Labels{"namespace": namespace}), stats}}
}

var sessionMetrics = []metric[session.Stats]{
	{
		name: "aside_session_events_total", help: "Events of sessions.",
		kind: prometheus.CounterValue, label: "event",
		read: func(s *session.Stats, out emit) {
			out(float64(s.Created), "created")
			out(float64(s.LoggedIn), "logged_in")
			out(float64(s.Renewed), "renewed")
			out(float64(s.Destroyed), "destroyed")
			out(float64(s.Revoked), "revoked")
			out(float64(s.Expired), "expired")
			out(float64(s.Missing), "missing")
			out(float64(s.Malformed), "malformed")
			out(float64(s.Undecodable), "undecodable")
			out(float64(s.Conflicts), "conflict")
			out(float64(s.ResurrectionsRefused), "resurrection_refused")
			out(float64(s.Unavailable), "unavailable")
			out(float64(s.Reused), "reused")
		},
	},
	counter("aside_session_loads_total", "Sessions loaded from Redis.", func(s *session.Stats) int64 { return s.Loads }),
	counter("aside_session_slides_total", "Sessions extended by a load.", func(s *session.Stats) int64 { return s.Slides }),
	counter("aside_session_saves_total", "Changes to sessions that were stored.", func(s *session.Stats) int64 { return s.Saves }),
	counter("aside_session_written_bytes_total", "Bytes of session data stored.", func(s *session.Stats) int64 { return s.Bytes }),
	gauge("aside_session_watches", "Contexts of Watch that have not ended.", func(s *session.Stats) float64 { return float64(s.Watching) }),
}
