package redistest

import (
	"fmt"
	"io"
	"os"
	"testing"

	"go.uber.org/goleak"
)

// Main is for a package's TestMain: it runs the tests, stops the servers that
// [Each] shares, checks that no goroutine is left, and exits.
func Main(m *testing.M, opts ...goleak.Option) {
	os.Exit(run(m.Run, &shared, os.Stderr, opts))
}

func run(tests func() int, servers *sharedServers, stderr io.Writer, opts []goleak.Option) int {
	if err := servers.open(); err != nil {
		_, _ = fmt.Fprintln(stderr, err)
		return 1
	}
	code := tests()
	if err := servers.close(); err != nil {
		_, _ = fmt.Fprintln(stderr, err)
		code = max(code, 1)
	}
	if n := skipped.Load(); n > 0 {
		_, _ = fmt.Fprintf(stderr, "redistest: %d tests skipped: %s not found\n", n, serverBinary)
	}
	// A failed test may well have left goroutines behind, and its own message
	// is the one to read.
	if code == 0 {
		if err := goleak.Find(opts...); err != nil {
			_, _ = fmt.Fprintln(stderr, "redistest:", err)
			code = 1
		}
	}
	return code
}
