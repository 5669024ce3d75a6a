package session

import (
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/internal/redisx"
)

// If a key has another type, a script replies that there is no session, not with an error.
func TestAKeyOfAnotherTypeIsNoSession(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		p := newProtocol(rdb, defaults())
		t.Cleanup(func() { require.NoError(t, p.rdb.Close()) })
		key := redistest.Unique(t)
		require.NoError(t, rdb.LPush(t.Context(), key, "x").Err())
		for name, tt := range map[string]struct {
			script *redisx.Script
			args   []any
			want   any
		}{
			"slide":  {slideScript, []any{1000}, []any{int64(-1)}},
			"grace":  {graceScript, []any{"hash"}, int64(0)},
			"take":   {takeScript, []any{"hash", "version"}, []any{int64(0)}},
			"save":   {saveScript, []any{"old", "new", "body", "", 0, "", 0, 0}, []any{int64(-3)}},
			"unlock": {unlockScript, []any{"mine"}, int64(0)},
		} {
			call := &redisx.Call{Script: tt.script, Key: key, Args: tt.args}
			require.NoError(t, p.run(t.Context(), call), name)
			require.Equal(t, tt.want, call.Reply.Val(), name)
		}
		require.Equal(t, "x", rdb.LIndex(t.Context(), key, 0).Val(), "it stays as it is")
	})
}
