package faulttest

import (
	"context"
	"log/slog"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/ratelimit"
	"github.com/jollyjet/aside/session"
)

// What a full Redis does to limits and sessions, beside another program that goes on writing. The figures are in
// docs/operations.md. Only where it drops nothing does a limit stay one, and that policy alone is not warned of.
func TestAFullRedis(t *testing.T) {
	for _, policy := range []string{"noeviction", "allkeys-lru", "allkeys-lfu", "allkeys-random", "volatile-ttl", "volatile-lru", "volatile-random"} {
		t.Run(policy, func(t *testing.T) {
			lines := redistest.NewLog(slog.LevelWarn)
			rdb := redistest.Start(t, "maxmemory 4mb", "maxmemory-policy "+policy).Client(t)
			limit := func(options ...ratelimit.Option) *ratelimit.Limiter {
				l := ratelimit.New(rdb, ratelimit.FixedWindow(100, 8784*time.Hour), append(options, ratelimit.Namespace(redistest.Unique(t)),
					ratelimit.Logger(lines.Logger()), ratelimit.Timeout(10*time.Second))...)
				t.Cleanup(func() { require.NoError(t, l.Close()) })
				return l
			}
			local, closed := limit(), limit(ratelimit.FailClosed())
			m := session.New[int](rdb, session.Namespace(redistest.Unique(t)), session.Logger(lines.Logger()))
			t.Cleanup(func() { require.NoError(t, m.Close()) })
			var tokens []string
			for i := range 200 {
				tokens = append(tokens, login(t, m, "user"+strconv.Itoa(i)))
			}
			let := func(l *ratelimit.Limiter, key string) int {
				r, err := l.Allow(t.Context(), key)
				if err != nil {
					require.ErrorIs(t, err, ratelimit.ErrUnavailable)
				}
				if !r.Allowed {
					return 0
				}
				return 1
			}
			var before, late [2]int // let through of a key in use since before Redis is full, and of one that comes later
			for i := range 2000 {
				write(t, rdb, i)
				for j, l := range []*ratelimit.Limiter{local, closed} {
					before[j] += let(l, "before")
					if i >= 1500 {
						late[j] += let(l, "late")
					}
				}
			}
			lost, unavailable := 0, 0
			for _, token := range tokens {
				switch user, err := m.User(m.Attach(t.Context(), token)); {
				case err != nil:
					unavailable++
				case user == "":
					lost++
				}
			}
			login := m.Login(m.Attach(t.Context(), ""), "late")
			t.Logf("%-15s limits of 100 let through: Local %d and %d, FailClosed %d and %d; sessions gone: %d of 200; the next login: %v",
				policy, before[0], late[0], before[1], late[1], lost, login)
			require.Zero(t, unavailable)
			if policy == "noeviction" {
				require.Equal(t, [2]int{100, 100}, before)
				require.LessOrEqual(t, late[0], 200, "Redis may have room again, after the process has decided")
				require.LessOrEqual(t, late[1], 100)
				require.Zero(t, lost)
				require.NoError(t, rdb.ConfigSet(t.Context(), "maxmemory", "1").Err())
				_, err := closed.Allow(t.Context(), "new")
				require.ErrorIs(t, err, ratelimit.ErrUnavailable)
				r, err := local.Allow(t.Context(), "new")
				require.NoError(t, err)
				require.Equal(t, ratelimit.FromLocal, r.Source)
				r, err = closed.Allow(t.Context(), "before")
				require.NoError(t, err)
				require.False(t, r.Allowed, "a denial writes nothing")
				require.ErrorIs(t, login, session.ErrUnavailable)
				require.Empty(t, lines.With("drops keys"))
				return
			}
			redistest.Eventually(t, "the operator is told of both", func() bool { return len(lines.With("drops keys")) == 2 })
			require.NoError(t, login)
		})
	}
}

// write is what another program does: a value of a kilobyte, for an hour. A full Redis may refuse it.
func write(t *testing.T, rdb *redis.Client, i int) {
	for j := range 4 {
		err := rdb.Set(context.Background(), "other:"+strconv.Itoa(4*i+j), strings.Repeat("x", 1000), time.Hour).Err()
		if err != nil && !redis.HasErrorPrefix(err, "OOM") {
			t.Fatal(err)
		}
	}
}
