package consistency

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/internal/entry"
)

// A hit sampled between the end of a mismatch and its finding leads to another mismatch of the same version.
func TestAFindingIsNewOnce(t *testing.T) {
	f := newFindings(10)
	first, second := entry.Token{1}, entry.Token{2}
	require.True(t, f.add(Finding{Key: "k", Hits: 2, version: first}))
	require.False(t, f.add(Finding{Key: "k", Hits: 3, version: first}))
	require.True(t, f.known("k", first))
	all := f.report()
	require.Len(t, all, 1)
	require.EqualValues(t, 6, all[0].Hits)

	require.True(t, f.add(Finding{Key: "k", Hits: 1, version: second}))
	all = f.report()
	require.Len(t, all, 1)
	require.EqualValues(t, 1, all[0].Hits)
}
