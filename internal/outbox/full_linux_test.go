package outbox

import (
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/internal/keyspace"
)

// written is how many bytes this process has written.
func written(t *testing.T) (n int64) {
	t.Helper()
	raw, err := os.ReadFile("/proc/self/io")
	if err != nil {
		t.Skip(err)
	}
	var read int64
	_, err = fmt.Sscanf(string(raw), "rchar: %d\nwchar: %d", &read, &n)
	require.NoError(t, err)
	return n
}

// While the disk is full an eviction costs about as much as without a journal, however many wait. When there is room again
// what is missing is written, once.
func TestAFullDiskCostsLittle(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal")
	o := bare(t, func(c *Config) { c.Journal = path })
	evict := func(from, to int) {
		for n := from; n < to; n++ {
			o.Add(Eviction{}, errLost, keyspace.At(fmt.Sprintf("n:{product:%08d}", n)))
		}
	}
	many := make([]keyspace.Key, 20_000)
	for i := range many {
		many[i] = keyspace.At(fmt.Sprintf("n:{many:%08d}", i))
	}
	o.Add(Eviction{}, errLost, many...)
	info, err := os.Stat(path)
	require.NoError(t, err)

	signal.Ignore(syscall.SIGXFSZ)
	var unlimited syscall.Rlimit
	require.NoError(t, syscall.Getrlimit(syscall.RLIMIT_FSIZE, &unlimited))
	limit := unlimited
	limit.Cur = uint64(info.Size()) //nolint:gosec // not negative
	require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit))
	before, began := written(t), time.Now()
	evict(0, 200)
	full, took := written(t)-before, time.Since(began)
	require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_FSIZE, &unlimited))
	t.Logf("file of %d bytes: 200 evictions on a full disk wrote %d bytes in %v", info.Size(), full, took)
	require.Less(t, full, info.Size()/10)
	before = written(t)
	require.Eventually(t, func() bool { o.keep(); return o.Journaled() }, 10*time.Second, time.Millisecond)
	evict(200, 400)
	room := written(t) - before
	t.Logf("with room: %d bytes", room)
	require.Less(t, room, info.Size()/10)
	o.Close()
	o = bare(t, func(c *Config) { c.Journal = path })
	require.EqualValues(t, 20_400, o.Len())
	o.Close()
}
