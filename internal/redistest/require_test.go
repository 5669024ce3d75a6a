package redistest

import (
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

// childTest runs one of this package's tests in a process that cannot find
// redis-server.
func childTest(t *testing.T, env ...string) (string, error) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestServerAnswers$", "-test.v")
	cmd.Env = append(append(os.Environ(), "PATH="+t.TempDir(), requireEnv+"="), env...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func TestRequireSkips(t *testing.T) {
	out, err := childTest(t)
	require.NoError(t, err, out)
	require.Contains(t, out, "redis-server not found: TestServerAnswers is skipped")
	require.Contains(t, out, "redistest: 1 tests skipped: redis-server not found\n")
}

func TestRequireFailsWhenAsked(t *testing.T) {
	out, err := childTest(t, requireEnv+"=1")
	require.Error(t, err, out)
	require.Contains(t, out, "FAIL: TestServerAnswers")
	require.NotContains(t, out, "tests skipped")
}

func TestMainFindsLeaks(t *testing.T) {
	stop := make(chan struct{})
	t.Cleanup(func() { close(stop) })
	var servers sharedServers
	var out strings.Builder
	code := run(func() int {
		go func() { <-stop }()
		return 0
	}, &servers, &out, []goleak.Option{goleak.IgnoreCurrent()})
	require.Equal(t, 1, code)
	require.Contains(t, out.String(), "TestMainFindsLeaks")
}

func TestMainKeepsTheExitCode(t *testing.T) {
	var servers sharedServers
	code := run(func() int {
		require.DirExists(t, servers.root)
		return 3
	}, &servers, io.Discard, nil)
	require.Equal(t, 3, code)
	require.Empty(t, servers.root)
}
