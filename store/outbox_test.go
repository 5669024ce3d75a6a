package store_test

import (
	"context"
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/internal/entry"
	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/store"
)

// An eviction that waits voids the loads of this node that began before it, as one that is carried out does: whoever
// reads after it must not receive what they have loaded.
func TestQueuedEvictionLeavesARunningLoadUnconfirmed(t *testing.T) {
	for _, tt := range []struct {
		name string
		key  func(e *testEntry) store.Key
	}{
		{"of the entry", func(e *testEntry) store.Key { return e.Ref.Key }},
		{"of its tag", func(e *testEntry) store.Key { return e.st.Tag("tag") }},
		{"of the cache", func(e *testEntry) store.Key { return e.All() }},
		{"of everything", func(e *testEntry) store.Key { return e.st.Everything() }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
				e := newEntry(t, rdb)
				for name, finish := range map[string]func(*entry.Lease) bool{
					"fill": func(c *entry.Lease) bool { return e.fill(c, "old") },
					"drop": func(c *entry.Lease) bool {
						confirmed, err := c.Release(t.Context())
						require.NoError(t, err)
						return confirmed
					},
				} {
					lease := e.acquire()
					resume := e.st.SuspendReplay()
					gone, cancel := context.WithCancel(t.Context())
					cancel()
					require.ErrorIs(t, e.st.Evict(gone, tt.key(e)), store.ErrQueued)
					require.False(t, finish(lease), name)
					require.Equal(t, "held", e.sees())
					require.Equal(t, "held", e.waitsFor())
					resume()
					require.Eventually(t, func() bool { return e.sees() != "held" }, soon, often)
					require.Equal(t, int64(0), e.st.Stats().Pending)
					require.NotEqual(t, "value old", e.sees())
					e.evict(e.Ref.Key)
				}
			})
		})
	}
}
