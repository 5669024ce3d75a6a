package acltest

import (
	"log/slog"
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/cacheable"
	"github.com/jollyjet/aside/internal/redistest"
)

// Behind Sentinel two users are enough, also through a failover: one of the data nodes, and one of the sentinels.
func TestSentinelWords(t *testing.T) {
	redistest.Require(t)
	s := redistest.StartSentinel(t)
	data := &place{nodes: []*redistest.Server{s.Master(), s.Replica()}}
	watchers := &place{nodes: s.Sentinels()}
	shop, watch := rules(t)["store"], rules(t)["sentinel"]
	data.create(t, shop)
	watchers.create(t, watch)
	rdb := s.Client(t, func(o *redis.FailoverOptions) {
		o.Username, o.Password = shop.user, password
		o.SentinelUsername, o.SentinelPassword = watch.user, password
	})
	c := openShop(t, &visitor{rdb: rdb, namespace: "shop", lines: redistest.NewLog(slog.LevelWarn), sent: &redistest.Commands{}})
	require.NoError(t, cached(t.Context(), c.plain, "before", cacheable.SourceHit))
	s.Failover(t)
	redistest.Eventually(t, "the new master is used", func() bool {
		return cached(t.Context(), c.plain, "after", cacheable.SourceHit) == nil
	})
	require.Empty(t, data.refusedTo(t, shop.user))
	require.Empty(t, watchers.refusedTo(t, watch.user))
	for _, word := range watch.permissions() {
		lacking := watch.without(word)
		watchers.create(t, lacking)
		rdb := s.Client(t, func(o *redis.FailoverOptions) {
			o.Username, o.Password = shop.user, password
			o.SentinelUsername, o.SentinelPassword = lacking.user, password
		})
		useClient(t, rdb)
		redistest.Eventually(t, word+" is refused", func() bool { return len(watchers.refusedTo(t, lacking.user)) > 0 })
	}
}
