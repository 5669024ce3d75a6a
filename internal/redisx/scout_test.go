package redisx

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/internal/redistest"
)

// A client in use notices within two seconds that its address leads elsewhere, although its connections still work. A
// client that has rested notices at once.
func TestAClientNoticesWhereItsAddressLeads(t *testing.T) {
	p := newPlace(t)
	busy, idle := own(t, p.client(t), Limits{}), own(t, p.client(t), Limits{})
	require.Equal(t, p.one.Addr(), who(t, busy))
	require.Equal(t, p.one.Addr(), who(t, idle))
	rested := time.After(restFor)
	p.proxy.Redirect(p.other.Addr())
	began := time.Now()
	redistest.Eventually(t, "another server", func() bool { return who(t, busy) == p.other.Addr() })
	require.Less(t, time.Since(began), 2*time.Second)
	<-rested
	require.Equal(t, p.other.Addr(), who(t, idle))
}
