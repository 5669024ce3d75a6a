package redistest

import (
	"context"
	"fmt"
	"testing"
)

// StartReplica runs a read-only replica of master until the end of the test.
// It has finished its first sync when StartReplica returns.
func StartReplica(tb testing.TB, master *Server, config ...string) *Server {
	tb.Helper()
	Require(tb)
	s := startIn(tb, "replica", append([]string{replicaOf(master)}, config...))
	if err := s.awaitLink(master); err != nil {
		tb.Fatal(err)
	}
	return s
}

func replicaOf(master *Server) string {
	return fmt.Sprintf("replicaof 127.0.0.1 %d", master.port)
}

// awaitLink waits until s replicates from master and is in sync with it.
func (s *Server) awaitLink(master *Server) error {
	return poll(readyTimeout, fmt.Sprintf("%s: link to %s", s, master), func(ctx context.Context) error {
		return s.linked(ctx, master)
	})
}

func (s *Server) linked(ctx context.Context, master *Server) error {
	fields, err := s.info(ctx, "replication")
	if err != nil {
		return err
	}
	if fields["role"] != "slave" || fields["master_port"] != fmt.Sprint(master.port) ||
		fields["master_link_status"] != "up" {
		return fmt.Errorf("%s: role %s, master port %s, link %s", s,
			fields["role"], fields["master_port"], fields["master_link_status"])
	}
	return nil
}
