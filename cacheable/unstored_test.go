package cacheable_test

import (
	"context"
	"math"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/cacheable"
	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/store"
)

// board is a source with the same value for every key, or none.
type board struct {
	has   atomic.Pointer[any]
	fails atomic.Pointer[error]
}

func (s *board) put(v any)      { s.has.Store(&v) }
func (s *board) clear()         { s.has.Store(nil) }
func (s *board) fail(err error) { s.fails.Store(&err) }

func (s *board) load(_ context.Context, keys []string) (map[string]any, error) {
	if err := s.fails.Load(); err != nil {
		return nil, *err
	}
	values := make(map[string]any)
	for _, key := range keys {
		if v := s.has.Load(); v != nil {
			values[key] = *v
		}
	}
	return values, nil
}

// unstored are reasons not to store the source's answer.
var unstored = map[string]func(*board){
	"rejected":    func(s *board) { s.put("rejected") },
	"unencodable": func(s *board) { s.put(math.NaN()) },
	"absent":      func(s *board) { s.clear() },
	"too large":   func(s *board) { s.put(strings.Repeat("x", boardBytes-1)) }, // and two quotes
}

// boardBytes bounds the values that are stored.
const boardBytes = 30

func boardOf(st *store.Store, s *board, options ...cacheable.Option) *cacheable.Many[string, any] {
	options = append([]cacheable.Option{
		cacheable.TTL(time.Hour), cacheable.MaxBytes(boardBytes), cacheable.StoreIf(func(_ string, v any) bool { return v != "rejected" }),
	}, options...)
	return cacheable.NewMany(st, "c", s.load, options...)
}

type boards = cacheable.Many[string, any]

// A load of a cached key may bring a value that is not stored. The entry that it would have replaced is then gone,
// whatever caused the load.
func TestALoadThatIsNotStoredLeavesNothingOlder(t *testing.T) {
	one := func(ctx context.Context, c *boards) { _, _ = c.Get(ctx, "k") }
	all := func(ctx context.Context, c *boards) { _, _ = c.GetAll(ctx, []string{"k", "other"}) }
	ahead, failSafe := cacheable.RefreshAhead(0.0000001), cacheable.FailSafe(time.Hour)
	for name, tt := range map[string]struct {
		option cacheable.Option
		expire bool
		load   func(ctx context.Context, c *boards)
	}{
		"ahead":            {ahead, false, one},
		"ahead in a batch": {ahead, false, all},
		"stale":            {failSafe, true, one},
		"stale in a batch": {failSafe, true, all},
		"by hand":          {failSafe, false, func(ctx context.Context, c *boards) { _, _ = c.Refresh(ctx, "k") }},
	} {
		t.Run(name, func(t *testing.T) {
			redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
				for reason, change := range unstored {
					t.Run(reason, func(t *testing.T) {
						src := &board{}
						c := boardOf(open(t, rdb), src, tt.option)
						src.put("old")
						_, err := c.Get(t.Context(), "k")
						require.NoError(t, err)
						if tt.expire {
							require.NoError(t, c.Expire(t.Context(), "k"))
						}
						require.Contains(t, rawGet(t, rdb, c.EntryKey("k")), "old")
						change(src)
						eventually(t, "the end of the old value", func() bool {
							tt.load(t.Context(), c)
							return rawGet(t, rdb, c.EntryKey("k")) == ""
						})
						eventually(t, "the end of the lease", func() bool {
							n, err := rdb.Exists(t.Context(), c.EntryKey("k").String()+":r").Result()
							return err == nil && n == 0
						})
					})
				}
			})
		})
	}
}

// A refresh that fails leaves the cached value.
func TestALoadThatFailsLeavesWhatIsThere(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		src, st := &board{}, open(t, rdb)
		c := boardOf(st, src, cacheable.RefreshAhead(0.0000001))
		src.put("old")
		_, err := c.GetAll(t.Context(), []string{"one", "two"})
		require.NoError(t, err)
		src.fail(errDown)
		eventually(t, "the refreshes", func() bool {
			_, err := c.Get(t.Context(), "one")
			require.NoError(t, err)
			_, err = c.GetAll(t.Context(), []string{"two"})
			require.NoError(t, err)
			return st.Stats().Caches["c"].Unrefreshed == 2
		})
		for _, key := range []string{"one", "two"} {
			require.Contains(t, rawGet(t, rdb, c.EntryKey(key)), "old")
		}
	})
}
