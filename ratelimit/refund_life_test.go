package ratelimit_test

import (
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/ratelimit"
)

// Charges that are refunded leave nothing behind, however many they are.
func TestRefundsDoNotFillTheState(t *testing.T) {
	for name, p := range policies() {
		rdb := mini(t)
		ns := redistest.Unique(t)
		l := open(t, rdb, p, ratelimit.Namespace(ns))
		for range 100 {
			r, err := l.Allow(t.Context(), "k")
			require.NoError(t, err)
			require.True(t, r.Allowed, name)
			require.NoError(t, l.Refund(t.Context(), r))
		}
		for _, key := range keysOf(t, rdb, ns) {
			if kind := rdb.Type(t.Context(), key).Val(); kind == "string" {
				require.Less(t, rdb.StrLen(t.Context(), key).Val(), int64(60), name)
			} else {
				require.Zero(t, rdb.ZCard(t.Context(), key).Val(), name)
			}
		}
	}
}

// A refund gives back its own permits and no others: what remains charged counts for as long as it would have without.
func TestARefundLeavesTheOtherChargesAsLongAsTheyCount(t *testing.T) {
	const window = time.Minute
	for name, p := range map[string]ratelimit.Policy{
		"sliding": ratelimit.SlidingWindow(5, window),
		"counter": ratelimit.SlidingWindow(5, window).Counter(),
		"exact":   ratelimit.SlidingWindow(5, window).Exact(),
		"strict":  ratelimit.SlidingWindow(5, window).Strict(7),
		"bucket":  ratelimit.TokenBucket(ratelimit.Per(5, window), 5),
		"fixed":   ratelimit.FixedWindow(5, window),
	} {
		t.Run(name, func(t *testing.T) {
			// remaining returns the permits left at each quarter of the two windows after 4 + 1 charges, of which the last
			// was refunded or never made.
			remaining := func(refunded bool) (left []int) {
				server := redistest.Mini(t)
				rdb := redis.NewClient(&redis.Options{Addr: server.Addr()})
				t.Cleanup(func() { require.NoError(t, rdb.Close()) })
				l := open(t, rdb, p)
				now := time.Unix(1_790_000_000, 0).Truncate(window)
				server.SetTime(now)
				_, err := l.AllowN(t.Context(), "k", 4)
				require.NoError(t, err)
				if refunded {
					one, err := l.AllowN(t.Context(), "k", 1)
					require.NoError(t, err)
					require.True(t, one.Allowed)
					require.NoError(t, l.Refund(t.Context(), one))
				}
				for range 8 {
					r, err := l.AllowN(t.Context(), "k", 0)
					require.NoError(t, err)
					left = append(left, r.Remaining)
					now = now.Add(window / 4)
					server.SetTime(now)
					server.FastForward(window / 4)
				}
				return left
			}
			require.Equal(t, remaining(false), remaining(true))
		})
	}
}
