package cacheable_test

import (
	"bytes"
	"context"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/cacheable"
	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/store"
)

// paper is a writer that keeps the output of a logger.
type paper struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (p *paper) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.Write(b)
}

func (p *paper) String() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.String()
}

// Ordinary work logs nothing, at any level: no hits, misses, absences, errors of the source, evictions or refreshes,
// and not that the store opens or closes.
func TestOrdinaryWorkLogsNothing(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		if onMini(t) {
			t.Skip("a server without tracking is worth a line, see TestAServerWithoutTrackingIsMentionedOnce")
		}
		log := &paper{}
		st, err := store.Open(t.Context(), rdb, store.Namespace(redistest.Unique(t)), store.Timeout(patient),
			store.Logger(slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelInfo}))))
		require.NoError(t, err)
		eventually(t, "the feed", func() bool { return st.Stats().Feed.Up })
		c := cacheable.New(st, "c", func(_ context.Context, key string) (string, error) {
			if key == "none" {
				return "", errNoRows
			}
			return key, nil
		}, cacheable.NotFound(func(err error) bool { return err == errNoRows }, time.Minute), //nolint:errorlint // its own error
			cacheable.Near(100, time.Minute), cacheable.RefreshAhead(0.0001), cacheable.TTL(time.Minute))
		ctx := t.Context()
		for range 20 {
			for _, key := range []string{"a", "b", "none"} {
				_, _ = c.Get(ctx, key)
			}
			_, err := c.Refresh(ctx, "a")
			require.NoError(t, err)
			require.NoError(t, c.Put(ctx, "b", "b"))
			require.NoError(t, c.Expire(ctx, "a"))
			require.NoError(t, c.Evict(ctx, "a", "b", "none"))
			require.NoError(t, st.Evict(ctx, st.Tag("t"), c.WholeKey(), st.Everything()))
		}
		eventually(t, "a refresh in the background", func() bool {
			_, err := c.Get(ctx, "ahead")
			return err == nil && st.Stats().Caches["c"].Refreshes > 0
		})
		require.NoError(t, st.Close())
		require.Empty(t, log.String())
	})
}
