package redistest

import (
	"testing"
	"testing/synctest"

	"github.com/redis/go-redis/v9"

	"github.com/jollyjet/aside/internal/memredis"
)

// Bubble runs a test in a synctest bubble, with a miniredis whose clock is that of the bubble.
func Bubble(t *testing.T, test func(t *testing.T, rdb redis.UniversalClient)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		rdb, done := memredis.Open()
		t.Cleanup(func() {
			if err := done(); err != nil {
				t.Error(err)
			}
		})
		test(t, rdb)
	})
}
