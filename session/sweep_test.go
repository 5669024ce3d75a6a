package session_test

import (
	"context"
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/session"
)

func TestSweep(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		ns := redistest.Unique(t)
		m := node(t, rdb, session.Namespace(ns))
		gone, stays := login(t, m, "ann", ""), login(t, m, "ann", "")
		require.NoError(t, rdb.Del(t.Context(), ns+":s:"+handleOf(t, m, gone)).Err())
		swept, err := m.Sweep(t.Context())
		require.NoError(t, err)
		require.Equal(t, session.Swept{Users: 1, Dropped: 1}, swept)
		swept, err = m.Sweep(t.Context())
		require.NoError(t, err)
		require.Equal(t, session.Swept{Users: 1}, swept)
		require.True(t, valid(t, m, stays))

		require.NoError(t, rdb.Set(t.Context(), ns+":janitor", "another node", 0).Err())
		swept, err = m.Sweep(t.Context())
		require.NoError(t, err)
		require.True(t, swept.Skipped)
		require.Equal(t, "another node", rdb.Get(t.Context(), ns+":janitor").Val())
	})
}

func TestJanitorEndsWithItsContext(t *testing.T) {
	redistest.Bubble(t, func(t *testing.T, rdb redis.UniversalClient) {
		m := node(t, rdb)
		ctx, cancel := context.WithTimeout(t.Context(), 5*idle)
		defer cancel()
		require.ErrorIs(t, m.Janitor(ctx, idle), context.DeadlineExceeded)
		require.Error(t, m.Janitor(t.Context(), 0))
	})
}
