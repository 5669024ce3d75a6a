package redistest

import (
	"os"
	"os/exec"
	"sync/atomic"
	"testing"
)

const (
	serverBinary = "redis-server"
	requireEnv   = "ASIDE_REQUIRE_REDIS"
)

// skipped counts the tests that Require skipped, for the summary of Main.
var skipped atomic.Int64

// Require skips the test if redis-server is not installed. With
// ASIDE_REQUIRE_REDIS=1 it fails the test instead, so that a CI machine
// without the server cannot pass by skipping.
func Require(tb testing.TB) {
	tb.Helper()
	if _, err := exec.LookPath(serverBinary); err == nil {
		return
	}
	if os.Getenv(requireEnv) == "1" {
		tb.Fatalf("%s not found, and %s=1 forbids skipping %s", serverBinary, requireEnv, tb.Name())
	}
	skipped.Add(1)
	tb.Skipf("%s not found: %s is skipped", serverBinary, tb.Name())
}
