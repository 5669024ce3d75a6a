// Package redistest starts real redis-server processes for tests: single
// nodes, replicas, a six-node cluster and a Sentinel set, plus a TCP proxy
// that injects network faults. Everything listens on 127.0.0.1, keeps its
// files in temporary folders, is killed when its test ends, and dies with the
// test process even if that process is killed itself.
//
// A fixture belongs to the test that started it. Its goroutines end in that
// test's cleanup, so a leak check inside the test has to be registered with
// Cleanup before the fixture is started. [Each] is the exception: its servers
// are shared by the whole test binary and stopped by [Main].
//
// The servers need Redis 6.2 or newer. Without redis-server on PATH the tests
// that need it are skipped, or fail if ASIDE_REQUIRE_REDIS=1.
package redistest
