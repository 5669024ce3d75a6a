package consistency

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/store"
)

// An answer between the end of a suspicion and its finding leads to another one of the same version.
func TestAFindingIsNewsOnce(t *testing.T) {
	l := newLedger(10)
	first, second := store.Version{1}, store.Version{2}
	require.True(t, l.add(Finding{Key: "k", Hits: 2, version: first}))
	require.False(t, l.add(Finding{Key: "k", Hits: 3, version: first}))
	require.True(t, l.known("k", first))
	_, findings := l.report()
	require.Len(t, findings, 1)
	require.EqualValues(t, 6, findings[0].Hits)

	require.True(t, l.add(Finding{Key: "k", Hits: 1, version: second}))
	_, findings = l.report()
	require.Len(t, findings, 1)
	require.EqualValues(t, 1, findings[0].Hits)
}
