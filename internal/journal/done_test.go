package journal

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// An eviction that was queued again while an earlier one of its key was carried out is still pending.
func TestDoneWithAnEarlierEvictionLeavesTheLaterOne(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal")
	j, _ := open(t, path)
	since := time.UnixMicro(1)
	earlier, later := Entry{Key: "a", Number: 1, Since: since}, Entry{Key: "a", Number: 2, Since: since}
	require.NoError(t, j.Add(earlier))
	require.NoError(t, j.Add(later))
	require.NoError(t, j.Done(earlier))
	require.NoError(t, j.Close())

	j, waiting := open(t, path)
	require.Equal(t, []Entry{later}, waiting)
	require.NoError(t, j.Done(later))
	require.NoError(t, j.Close())
	j, waiting = open(t, path)
	require.Empty(t, waiting)
	require.NoError(t, j.Close())
}
