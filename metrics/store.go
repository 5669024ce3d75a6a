package metrics

import (
	"slices"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/jollyjet/aside/internal/histogram"
	"github.com/jollyjet/aside/store"
)

var storeMetrics = []metric[store.Stats]{
	counters("aside_evictions_total", "Keys, tags, caches and namespaces evicted, or queued to be.", "kind",
		func(s *store.Stats) []part {
			k := &s.Kinds
			return []part{
				{"key", k.Keys},
				{"tag", k.Tags},
				{"all", k.All},
				{"everything", k.Everything},
				{"pattern", k.Pattern},
				{"expire", k.Expired},
			}
		}),
	gauge("aside_recovery_queue_length", "Evictions that Redis has not confirmed and that are being retried.",
		func(s *store.Stats) float64 { return float64(s.Pending) }),
	counter("aside_recovery_queued_total", "Evictions queued because Redis did not confirm them at once.",
		func(s *store.Stats) int64 { return s.Queued }),
	counter("aside_recovery_replayed_total", "Queued evictions that were confirmed later.",
		func(s *store.Stats) int64 { return s.Replayed }),
	counter("aside_recovery_overflows_total", "Times that the queue was too long or too old and was replaced by an eviction of everything.",
		func(s *store.Stats) int64 { return s.Overflows }),
	gauge("aside_recovery_pending_seconds", "Time since the queue was last empty; 0 if it is empty.",
		func(s *store.Stats) float64 { return s.Recovery.PendingFor.Seconds() }),
	gauge("aside_recovery_remembered", "Confirmed evictions kept to be repeated if Redis comes back with older data.",
		func(s *store.Stats) float64 { return float64(s.Recovery.Remembered) }),
	counter("aside_recovery_restarts_total", "Times that Redis may have come back with older data.",
		func(s *store.Stats) int64 { return s.Recovery.Restarts }),
	counter("aside_recovery_recalled_total", "Confirmed evictions that were queued again because Redis may have lost them.",
		func(s *store.Stats) int64 { return s.Recovery.Recalled }),
	gauge("aside_recovery_blind", "Whether Redis hides its identity, so that a return with older data goes unnoticed.",
		func(s *store.Stats) float64 { return truth(s.Recovery.Blind) }),
	counter("aside_recovery_journal_errors_total", "Times that the journal of queued evictions could not be written.",
		func(s *store.Stats) int64 { return s.Recovery.JournalErrors }),
	gauge("aside_recovery_journal_down", "Whether the journal of queued evictions can't be written, so that they are lost if the process dies.",
		func(s *store.Stats) float64 { return truth(s.Recovery.JournalFault != "") }),
	counter("aside_unreplicated_evictions_total", "Evictions that fewer replicas than required confirmed in time.",
		func(s *store.Stats) int64 { return s.Recovery.Unreplicated }),
	gauge("aside_feed_up", "Whether the invalidation feed is up on every master.",
		func(s *store.Stats) float64 { return truth(s.Feed.Up) }),
	gauge("aside_feed_masters", "Masters that the invalidation feed follows.",
		func(s *store.Stats) float64 { return float64(s.Feed.Masters) }),
	gauge("aside_feed_lag_seconds", "Time that the invalidation feed takes to report a change, at present.",
		func(s *store.Stats) float64 { return s.Feed.Lag.Seconds() }),
	counter("aside_feed_drops_total", "Times that a connection of the invalidation feed broke.",
		func(s *store.Stats) int64 { return s.Feed.Drops }),
	{
		name: "aside_breaker_open", help: "Whether the circuit breaker of a master is open, so that nothing is sent to it.",
		kind: prometheus.GaugeValue, label: "node",
		read: func(s *store.Stats, out emit) {
			for _, node := range s.Breakers.Masters {
				out(truth(slices.Contains(s.Breakers.Open, node)), node)
			}
		},
	},
	counter("aside_breaker_trips_total", "Times that a circuit breaker opened.",
		func(s *store.Stats) int64 { return s.Breakers.Trips }),
	counter("aside_recovered_panics_total", "Panics recovered outside of loaders.",
		func(s *store.Stats) int64 { return s.Panics }),
}

var cacheMetrics = []metric[store.CacheStats]{
	counters("aside_requests_total", "Reads by result.", "result", func(c *store.CacheStats) []part {
		return []part{
			{"near_hit", c.NearHits},
			{"hit", c.Hits},
			{"stale", c.StaleHits},
			{"negative", c.NegativeHits},
			{"miss", c.Misses},
			{"bypass", c.Bypasses},
		}
	}),
	counters("aside_invalid_entries_total", "Entries found in Redis that could not be used.", "reason",
		func(c *store.CacheStats) []part {
			return []part{
				{"evicted", c.Evicted},
				{"schema", c.Schema},
				{"corrupt", c.Corrupt},
				{"clash", c.Clash},
			}
		}),
	counter("aside_loads_total", "Calls of the loader.", func(c *store.CacheStats) int64 { return c.Loads }),
	counter("aside_load_errors_total", "Calls of the loader that failed, timeouts and panics included.",
		func(c *store.CacheStats) int64 { return c.LoadErrors }),
	counter("aside_load_panics_total", "Calls of the loader that panicked.",
		func(c *store.CacheStats) int64 { return c.Panics }),
	counter("aside_refreshes_total", "Values reloaded in the background.",
		func(c *store.CacheStats) int64 { return c.Refreshes }),
	counter("aside_refresh_errors_total", "Reloads in the background that failed.",
		func(c *store.CacheStats) int64 { return c.Unrefreshed }),
	counter("aside_fills_refused_total", "Loaded values not stored because the key was evicted or written during the load.",
		func(c *store.CacheStats) int64 { return c.Refused }),
	counter("aside_waits_total", "Waits for the load of another process.",
		func(c *store.CacheStats) int64 { return c.Waits }),
	counter("aside_encode_errors_total", "Values that the codec could not encode.",
		func(c *store.CacheStats) int64 { return c.Unencodable }),
	counter("aside_decode_errors_total", "Values not stored because the codec could not decode what it had encoded.",
		func(c *store.CacheStats) int64 { return c.Undecodable }),
	counter("aside_lossy_values_total", "Values, of the few that were compared, that came back from the codec different.",
		func(c *store.CacheStats) int64 { return c.Lossy }),
	counter("aside_too_large_values_total", "Values not stored because they exceed the size limit of their cache.",
		func(c *store.CacheStats) int64 { return c.TooLarge }),
	counter("aside_redis_errors_total", "Failed Redis commands of reads and loads.",
		func(c *store.CacheStats) int64 { return c.RedisErrors }),
	counter("aside_mutated_values_total", "Shared values that a caller has modified.",
		func(c *store.CacheStats) int64 { return c.Mutated }),
	counter("aside_read_bytes_total", "Bytes of entries read from Redis.",
		func(c *store.CacheStats) int64 { return c.BytesRead }),
	counter("aside_written_bytes_total", "Bytes of entries sent to Redis.",
		func(c *store.CacheStats) int64 { return c.BytesWritten }),
	gauge("aside_near_entries", "Values kept in this process.",
		func(c *store.CacheStats) float64 { return float64(c.NearEntries) }),
	counters("aside_checks_total", "Hits sampled by a monitor, by the result of their comparison with the source.", "result",
		func(c *store.CacheStats) []part {
			k := &c.Checks
			return []part{
				{"equal", k.Equal},
				{"wrong", k.Differs},
				{"explained", k.Explained},
				{"unsettled", k.Unsettled},
				{"gone", k.Gone},
				{"failed", k.Failed},
				{"dropped", k.Dropped},
				{"skipped", k.Skipped},
			}
		}),
	counter("aside_repairs_total", "Wrong entries that a monitor has evicted.",
		func(c *store.CacheStats) int64 { return c.Checks.Repaired }),
	counter("aside_check_hung_loads_total", "Calls of the loader for comparisons that outlived their time.",
		func(c *store.CacheStats) int64 { return c.Checks.Hung }),
	gauge("aside_check_hanging_loads", "Calls of the loader for comparisons that have outlived their time and still run.",
		func(c *store.CacheStats) float64 { return float64(c.Checks.Hanging) }),
	gauge("aside_unrepeating_classes", "Classes of keys for which the loader does not repeat its answers.",
		func(c *store.CacheStats) float64 { return float64(c.Checks.Unrepeating) }),
	{
		name: "aside_wrong_seconds_total", help: "Sum over all wrong hits of the longest time that each may have been wrong.",
		kind: prometheus.CounterValue,
		read: func(c *store.CacheStats, out emit) { out(c.Checks.DifferedFor.Seconds()) },
	},
	timing("aside_load_duration_seconds", "Duration of calls of the loader, up to the caller's timeout.",
		func(c *store.CacheStats) histogram.Durations { return histogram.Durations(c.LoadTimes) }),
}
