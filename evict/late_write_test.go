package evict_test

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/cacheable"
	"github.com/jollyjet/aside/evict"
	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/store"
)

const lateLine = "aside: a write ended after the store was closed; wait for writes before you close it"

// decorator is After or Around.
type decorator = func(func(context.Context, change) (int64, error), ...evict.Target[change]) func(context.Context, change) (int64, error)

// slowWrite is a decorated write that returns when it is told to.
type slowWrite struct {
	begun, finish chan struct{}
	done          chan error
}

func (src *table) slowly(t *testing.T, decorate decorator, c change, targets ...evict.Target[change]) *slowWrite {
	t.Helper()
	failure := errors.New("constraint violated")
	w := &slowWrite{make(chan struct{}), make(chan struct{}), make(chan error, 1)}
	write := decorate(func(ctx context.Context, c change) (int64, error) {
		close(w.begun)
		<-w.finish
		v, _ := src.write(ctx, c)
		return v, failure
	}, targets...)
	go func() {
		v, err := write(context.Background(), c)
		if v != c.Value || !errors.Is(err, failure) {
			w.done <- errors.New("the write's own result is changed")
			return
		}
		w.done <- nil
	}()
	<-w.begun
	return w
}

func (w *slowWrite) end(t *testing.T) {
	t.Helper()
	close(w.finish)
	require.NoError(t, <-w.done)
}

func afterAndAround(t *testing.T, test func(t *testing.T, decorate decorator)) {
	t.Run("After", func(t *testing.T) { test(t, evict.After[change, int64]) })
	t.Run("Around", func(t *testing.T) { test(t, evict.Around[change, int64]) })
}

func TestCloseWaitsForWritesUnderWay(t *testing.T) {
	afterAndAround(t, func(t *testing.T, decorate decorator) {
		stores, src := fleet(t, redistest.Start(t).Client(t), 2), &table{}
		a, b := cacheable.New(stores[0], "c", src.load), cacheable.New(stores[1], "c", src.load)
		reads(t, 0, "k", a, b)
		w := src.slowly(t, decorate, change{"k", 1}, evict.Key(a, keyOf))
		closed := make(chan error, 1)
		go func() { closed <- stores[0].Close() }()
		eventually(t, "the beginning of the end", stores[0].Closed)
		select {
		case err := <-closed:
			t.Fatalf("Close returned before the write did: %v", err)
		case <-time.After(50 * time.Millisecond): // it would have
		}
		w.end(t)
		require.NoError(t, <-closed)
		reads(t, 1, "k", b)
	})
}

func TestAWriteThatEndsAfterCloseEvictsOnceMore(t *testing.T) {
	afterAndAround(t, func(t *testing.T, decorate decorator) {
		server, namespace, src, log := redistest.Start(t), redistest.Unique(t), &table{}, redistest.NewLog(slog.LevelInfo)
		rdb := server.Client(t)
		st := join(t, rdb, namespace, store.DrainTime(20*time.Millisecond), store.Logger(log.Logger()))
		a, b := cacheable.New(st, "c", src.load), cacheable.New(join(t, rdb, namespace), "c", src.load)
		reads(t, 0, "k", a, b)
		w := src.slowly(t, decorate, change{"k", 1}, evict.Key(a, keyOf), evict.Tags(st, func(change) []string { return []string{"t"} }))
		var left *store.UndrainedError
		require.ErrorAs(t, st.Close(), &left)
		require.Equal(t, 1, left.Writes)
		require.ErrorIs(t, a.Evict(t.Context(), "k"), store.ErrClosed)
		w.end(t)
		reads(t, 1, "k", b)
		lines := log.At(slog.LevelError, lateLine)
		require.Len(t, lines, 1)
		write := decorate(src.write, evict.Key(a, keyOf)) // begun after Close
		_, err := write(t.Context(), change{"k", 2})
		require.NoError(t, err)
		reads(t, 2, "k", b)
		require.Len(t, log.At(slog.LevelError, lateLine), 2)
	})
}

// Redis is away when the write ends: the eviction is in the journal, and the next process carries it out.
func TestAWriteThatEndsAfterCloseIsJournaled(t *testing.T) {
	afterAndAround(t, func(t *testing.T, decorate decorator) {
		server, namespace, src := redistest.Start(t), redistest.Unique(t), &table{}
		proxy, log, path := redistest.StartProxy(t, server.Addr()), redistest.NewLog(slog.LevelInfo), filepath.Join(t.TempDir(), "journal")
		options := []store.Option{store.Journal(path), store.Timeout(100 * time.Millisecond), store.DrainTime(20 * time.Millisecond)}
		st := join(t, client(t, proxy.Addr()), namespace, append(options, store.Logger(log.Logger()))...)
		a, b := cacheable.New(st, "c", src.load), cacheable.New(join(t, server.Client(t), namespace), "c", src.load)
		becomesCached(t, 0, "k", b)
		w := src.slowly(t, decorate, change{"k", 1}, evict.Key(a, keyOf))
		require.ErrorIs(t, st.Close(), store.ErrUndrained)
		proxy.Hang()
		began := time.Now()
		w.end(t)
		require.Less(t, time.Since(began), 5*time.Second, "it takes the store's timeout")
		require.Len(t, log.At(slog.LevelError, lateLine), 1)
		proxy.Heal()
		next := join(t, client(t, proxy.Addr()), namespace, options...)
		eventually(t, "the eviction", func() bool { return next.Stats().Pending == 0 })
		reads(t, 1, "k", cacheable.New(next, "c", src.load), b)
	})
}

// A write that closes its own store gets its end, and its eviction is carried out.
func TestAWriteMayCloseItsStore(t *testing.T) {
	stores, src := fleet(t, redistest.Start(t).Client(t), 2, store.DrainTime(50*time.Millisecond)), &table{}
	a, b := cacheable.New(stores[0], "c", src.load), cacheable.New(stores[1], "c", src.load)
	reads(t, 0, "k", a, b)
	write := evict.After(func(ctx context.Context, c change) (int64, error) {
		v, _ := src.write(ctx, c)
		return v, stores[0].Close()
	}, evict.Key(a, keyOf))
	_, err := write(t.Context(), change{"k", 1})
	require.ErrorIs(t, err, store.ErrUndrained)
	reads(t, 1, "k", b)
}
