package session_test

import (
	"sync"
	"sync/atomic"
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/session"
)

func TestFlashesAreShownOnce(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		all := nodes(t, 4, rdb)
		ctx := all[0].Attach(t.Context(), "")
		taken, err := all[0].Flashes(ctx)
		require.NoError(t, err)
		require.Empty(t, taken)
		require.NoError(t, all[0].Flash(ctx, "info", "saved"))
		require.NoError(t, all[0].Flash(ctx, "warning", ""))
		require.NoError(t, all[0].Update(ctx, add(1)))
		token := tokenOf(t, all[0], ctx)
		var shown atomic.Int64
		var wg sync.WaitGroup
		for i := range 40 {
			wg.Go(func() {
				m := all[i%len(all)]
				taken, err := m.Flashes(m.Attach(t.Context(), token))
				if err != nil {
					t.Error(err)
				}
				if len(taken) > 0 && (len(taken) != 2 || taken[0] != session.Flash{Kind: "info", Text: "saved"}) {
					t.Error(taken)
				}
				shown.Add(int64(len(taken)))
			})
		}
		wg.Wait()
		require.EqualValues(t, 2, shown.Load())
		require.Equal(t, 1, get(t, all[0], token).N)
	})
}
