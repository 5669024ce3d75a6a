package cacheable_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/cacheable"
	"github.com/jollyjet/aside/codec"
	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/store"
)

// document is a value with a version.
type document struct {
	Version int
	Text    []string
}

// archive is a source that tells what has changed since a version.
type archive struct {
	mu      sync.Mutex
	version int
	down    bool
	calls   []string // how it was asked
}

func (a *archive) ask(how string) (document, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.calls = append(a.calls, how)
	if a.down {
		return document{}, errDown
	}
	return document{a.version, []string{fmt.Sprint("text ", a.version)}}, nil
}

func (a *archive) load(context.Context, string) (document, error) { return a.ask("load") }

func (a *archive) reload(_ context.Context, _ string, old document) (document, error) {
	now, err := a.ask(fmt.Sprint("since ", old.Version))
	if err == nil && now.Version == old.Version {
		old.Text[0] = "changed by the function" // its copy
		return document{}, fmt.Errorf("%w: 304", cacheable.ErrNotModified)
	}
	return now, err
}

func (a *archive) asked() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	calls := a.calls
	a.calls = nil
	return calls
}

func (a *archive) set(version int, down bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.version, a.down = version, down
}

func archived(t *testing.T, rdb redis.UniversalClient, options ...cacheable.Option) (*archive, *cacheable.Cacheable[string, document], func(version int, source cacheable.Source)) {
	t.Helper()
	st, err := store.Open(t.Context(), rdb, store.Logger(redistest.NewLog(100).Logger()))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, st.Close()) })
	a := &archive{version: 1}
	c := cacheable.New(st, "c", a.load, append([]cacheable.Option{
		cacheable.TTL(time.Minute), cacheable.Jitter(0), cacheable.Reload(a.reload, time.Hour),
	}, options...)...)
	return a, c, func(version int, source cacheable.Source) {
		t.Helper()
		v, info, err := c.GetInfo(t.Context(), "k")
		require.NoError(t, err)
		require.Equal(t, document{version, []string{fmt.Sprint("text ", version)}}, v)
		require.Equal(t, source, info.Source)
	}
}

// After its time to live a value is reloaded: it stays if it was not modified, for another time to live. It is no answer of its
// own.
func TestReload(t *testing.T) {
	redistest.Bubble(t, func(t *testing.T, rdb redis.UniversalClient) {
		a, c, get := archived(t, rdb)
		get(1, cacheable.SourceMiss)
		for range 3 {
			time.Sleep(61 * time.Second)
			get(1, cacheable.SourceMiss)
			time.Sleep(59 * time.Second)
			get(1, cacheable.SourceHit)
		}
		require.Equal(t, []string{"load", "since 1", "since 1", "since 1"}, a.asked())
		require.InDelta(t, 3601, rdb.PTTL(t.Context(), c.EntryKey("k").String()).Val().Seconds(), 0.01)
		a.set(2, false)
		time.Sleep(time.Minute)
		get(2, cacheable.SourceMiss)
		require.Equal(t, []string{"since 1"}, a.asked())

		a.set(3, true)
		time.Sleep(2 * time.Minute)
		_, err := c.Get(t.Context(), "k")
		require.ErrorIs(t, err, errDown, "the old value is no answer")
		a.set(3, false)
		get(3, cacheable.SourceMiss)
		require.Equal(t, []string{"since 2", "since 2"}, a.asked(), "a failure keeps it")

		time.Sleep(62 * time.Minute)
		get(3, cacheable.SourceMiss)
		require.Equal(t, []string{"load"}, a.asked(), "it was kept for an hour")
	})
}

// What was evicted is never reloaded.
func TestReloadOfWhatIsGone(t *testing.T) {
	redistest.Bubble(t, func(t *testing.T, rdb redis.UniversalClient) {
		a, c, get := archived(t, rdb, cacheable.NotFound(func(err error) bool { return err == errDown }, time.Minute)) //nolint:errorlint // exact
		get(1, cacheable.SourceMiss)
		require.NoError(t, c.Evict(t.Context(), "k"))
		get(1, cacheable.SourceMiss)
		require.Equal(t, []string{"load", "load"}, a.asked())
		require.NoError(t, c.Expire(t.Context(), "k"))
		get(1, cacheable.SourceMiss)
		require.Equal(t, []string{"since 1"}, a.asked())

		a.set(2, true)
		require.NoError(t, c.Expire(t.Context(), "k"))
		_, err := c.Get(t.Context(), "k")
		require.ErrorIs(t, err, errDown)
		_, err = c.Get(t.Context(), "k")
		require.ErrorIs(t, err, cacheable.ErrNotFound, "a cached absence has taken its place")
		a.set(2, false)
		time.Sleep(2 * time.Minute)
		get(2, cacheable.SourceMiss)
		require.Equal(t, []string{"since 1", "load"}, a.asked())
	})
}

// forgetful is a codec that may fail to decode.
type forgetful struct {
	codec.Codec
	fails *atomic.Bool
}

func (f forgetful) Unmarshal(data []byte, v any) error {
	if f.fails.Load() {
		return errDown
	}
	return f.Codec.Unmarshal(data, v)
}

// What the codec can't decode any more is no old value.
func TestReloadOfWhatCanNotBeDecoded(t *testing.T) {
	redistest.Bubble(t, func(t *testing.T, rdb redis.UniversalClient) {
		var fails atomic.Bool
		a, c, get := archived(t, rdb, cacheable.Codec(forgetful{codec.JSON(), &fails}))
		get(1, cacheable.SourceMiss)
		time.Sleep(61 * time.Second)
		fails.Store(true)
		v, err := c.Get(t.Context(), "k")
		require.NoError(t, err)
		require.Equal(t, 1, v.Version)
		require.Equal(t, []string{"load", "load"}, a.asked())
	})
}

// Every way to load a value again uses the old one.
func TestReloadByRefreshes(t *testing.T) {
	t.Run("ahead", func(t *testing.T) {
		redistest.Bubble(t, func(t *testing.T, rdb redis.UniversalClient) {
			a, _, get := archived(t, rdb, cacheable.RefreshAhead(0.5))
			get(1, cacheable.SourceMiss)
			time.Sleep(40 * time.Second)
			get(1, cacheable.SourceHit)
			time.Sleep(30 * time.Second)
			get(1, cacheable.SourceHit)
			require.Equal(t, []string{"load", "since 1"}, a.asked())
		})
	})
	t.Run("stale while revalidate", func(t *testing.T) {
		redistest.Bubble(t, func(t *testing.T, rdb redis.UniversalClient) {
			a, _, get := archived(t, rdb, cacheable.StaleWhileRevalidate(time.Minute))
			get(1, cacheable.SourceMiss)
			time.Sleep(70 * time.Second)
			get(1, cacheable.SourceStale)
			time.Sleep(time.Second)
			get(1, cacheable.SourceHit)
			require.Equal(t, []string{"load", "since 1"}, a.asked())
		})
	})
	t.Run("Refresh", func(t *testing.T) {
		redistest.Bubble(t, func(t *testing.T, rdb redis.UniversalClient) {
			a, c, get := archived(t, rdb)
			get(1, cacheable.SourceMiss)
			v, err := c.Refresh(t.Context(), "k")
			require.NoError(t, err)
			require.Equal(t, 1, v.Version)
			a.set(2, false)
			v, err = c.Refresh(t.Context(), "k")
			require.NoError(t, err)
			require.Equal(t, 2, v.Version)
			get(2, cacheable.SourceHit)
			require.Equal(t, []string{"load", "since 1", "since 1"}, a.asked())
		})
	})
	t.Run("comparison", func(t *testing.T) {
		redistest.Bubble(t, func(t *testing.T, rdb redis.UniversalClient) {
			a, c, get := archived(t, rdb)
			get(1, cacheable.SourceMiss)
			require.NoError(t, c.Source(t.Context(), "k").Err)
			require.Equal(t, []string{"load", "load"}, a.asked(), "a comparison asks for the whole value")
		})
	})
}

// A value that is evicted while it is reloaded is not stored again.
func TestAnEvictionDuringAReloadWins(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		st, during := openStore(t, rdb), make(chan func() error, 1)
		loads := 0
		c := cacheable.New(st, "c", func(context.Context, string) (document, error) { loads++; return document{Version: loads}, nil },
			cacheable.Reload(func(context.Context, string, document) (document, error) {
				require.NoError(t, (<-during)())
				return document{}, cacheable.ErrNotModified
			}, time.Hour))
		for _, evict := range []func() error{
			func() error { return c.Evict(t.Context(), "k") }, func() error { return c.Put(t.Context(), "k", document{Version: 100}) },
		} {
			v, err := c.Get(t.Context(), "k")
			require.NoError(t, err)
			require.NoError(t, c.Expire(t.Context(), "k"))
			during <- evict
			again, err := c.Get(t.Context(), "k")
			require.NoError(t, err)
			require.Equal(t, v.Version, again.Version, "it was current when it was asked for")
			next, err := c.Get(t.Context(), "k")
			require.NoError(t, err)
			require.NotEqual(t, v.Version, next.Version)
		}
	})
}

func TestReloadIsForOneValue(t *testing.T) {
	st := openStore(t, miniClient(t))
	require.PanicsWithValue(t, `cacheable: NewMany("many"): Reload is for the loader of one value; use New, or leave Reload out`, func() {
		cacheable.NewMany(st, "many", func(context.Context, []string) (map[string]document, error) { return nil, nil },
			cacheable.Reload((&archive{}).reload, time.Hour))
	})
	require.Panics(t, func() { cacheable.Reload[string, int](nil, time.Hour) })
	require.Panics(t, func() { cacheable.Reload((&archive{}).reload, 0) })
	require.Panics(t, func() { cacheable.FailSafeOf[string, int](nil) })
	require.Panics(t, func() { cacheable.StaleWhileRevalidateOf[string, int](nil) })
	require.Panics(t, func() { cacheable.StaleWhileRevalidate(0) })
}
