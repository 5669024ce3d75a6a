package redisx

import (
	"net"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/internal/redistest"
)

// A walk ends at a server that becomes a replica.
func TestAReplicaIsNotScanned(t *testing.T) {
	server, master := redistest.Start(t), redistest.Start(t)
	c := own(t, server.Client(t), Limits{})
	n, _ := c.Single()
	page, err := n.Scan(t.Context(), 0, "*", 10, "")
	require.NoError(t, err)
	_, err = n.Scan(t.Context(), 0, "*", 10, "another run")
	require.ErrorIs(t, err, ErrMoved)
	host, port, err := net.SplitHostPort(master.Addr())
	require.NoError(t, err)
	require.NoError(t, server.Client(t).ReplicaOf(t.Context(), host, port).Err())
	_, err = n.Scan(t.Context(), 0, "*", 10, page.Run)
	require.ErrorIs(t, err, ErrNotMaster)
	require.ErrorIs(t, Run(t.Context(), c, Get("a")), ErrNotMaster, "nor asked for anything else")
}
