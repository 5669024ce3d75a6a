package evict_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/cacheable"
	"github.com/jollyjet/aside/evict"
	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/store"
)

// A source that is read from a replica sees the write only later. Until then its values are not cached.
func TestHoldForKeepsTheHoldAfterTheWrite(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		for name, target := range map[string]func(c *cache) evict.Target[change]{
			"Key": func(c *cache) evict.Target[change] { return evict.Key(c, keyOf) },
			"Tags": func(c *cache) evict.Target[change] {
				return evict.Tags(c.Store(), func(in change) []string { return []string{"of " + in.Key} })
			},
		} {
			t.Run(name, func(t *testing.T) {
				stores, replica, src := fleet(t, rdb, 2), &table{}, &table{}
				a, b := cacheable.New(stores[0], "c", replica.load, tagged), cacheable.New(stores[1], "c", replica.load, tagged)
				reads(t, 0, "k", b)
				write := evict.Around(src.write, target(a), evict.HoldFor(time.Minute), evict.HoldFor(time.Millisecond))
				_, err := write(t.Context(), change{"k", 1})
				require.NoError(t, err)
				_, info, err := b.GetInfo(t.Context(), "k")
				require.NoError(t, err)
				require.Equal(t, cacheable.SourceBypass, info.Source)
				if strings.Contains(t.Name(), "/miniredis/") {
					return // its clock stands still
				}
				write = evict.Around(src.write, target(a), evict.HoldFor(400*time.Millisecond))
				_, err = write(t.Context(), change{"kk", 1})
				require.NoError(t, err)
				replica.cell("kk").Store(1)
				eventually(t, "the end of the hold", func() bool {
					_, info, err = b.GetInfo(t.Context(), "kk")
					return err == nil && info.Source == cacheable.SourceHit
				})
				reads(t, 1, "kk", a, b)
			})
		}
	})
}

// A key that the write creates can't be held before the write. It is held afterwards.
func TestHoldForHoldsWhatTheWriteMade(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		stores, replica := fleet(t, rdb, 2), &table{}
		a, b := cacheable.New(stores[0], "c", replica.load), cacheable.New(stores[1], "c", replica.load)
		insert := evict.AroundErr(func(_ context.Context, c *change) error { c.Key = "made"; return nil },
			evict.Key(a, func(c *change) string { return c.Key }), evict.HoldFor(time.Minute))
		require.NoError(t, insert(t.Context(), &change{}))
		for range 2 {
			_, info, err := b.GetInfo(t.Context(), "made")
			require.NoError(t, err)
			require.Equal(t, cacheable.SourceBypass, info.Source)
		}
	})
}

// The entry is held while any of several writers works, in whatever order they end.
func TestAnEntryIsFreeWhenItsLastWriterHasFinished(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		stores, src := fleet(t, rdb, 2), &table{}
		a, b := cacheable.New(stores[0], "c", src.load), cacheable.New(stores[1], "c", src.load)
		begun, finish := [2]chan struct{}{make(chan struct{}), make(chan struct{})}, [2]chan struct{}{make(chan struct{}), make(chan struct{})}
		var wg [2]sync.WaitGroup
		for i, c := range []*cache{a, b} {
			write := evict.Around(func(ctx context.Context, in change) (int64, error) {
				close(begun[i])
				<-finish[i]
				return src.write(ctx, in)
			}, evict.Replace(c, pair))
			wg[i].Go(func() {
				_, err := write(t.Context(), change{"k", int64(i + 1)})
				assert.NoError(t, err)
			})
			<-begun[i]
		}
		held := func() {
			t.Helper()
			_, info, err := b.GetInfo(t.Context(), "k")
			require.NoError(t, err)
			require.Equal(t, cacheable.SourceBypass, info.Source)
		}
		held()
		close(finish[1])
		wg[1].Wait()
		held()
		close(finish[0])
		wg[0].Wait()
		absent(t, "k", a, b)
		reads(t, 1, "k", a, b)
	})
}

// Writers on two nodes and random readers: no reader sees less than what had been written when the last write returned.
func TestWritersRaceWithReaders(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		stores := fleet(t, rdb, 2)
		var source, written atomic.Int64
		var mu sync.Mutex // the source has one order of writes
		load := func(context.Context, string) (int64, error) { return source.Load(), nil }
		a, b := cacheable.New(stores[0], "c", load), cacheable.New(stores[1], "c", load)
		var wg sync.WaitGroup
		for _, c := range []*cache{a, b, a, b} {
			write := evict.Around(func(context.Context, change) (int64, error) {
				mu.Lock()
				defer mu.Unlock()
				return source.Add(1), nil
			}, evict.Replace(c, pair))
			wg.Go(func() {
				for range 40 {
					v, err := write(t.Context(), change{Key: "k"})
					assert.NoError(t, err)
					for old := written.Load(); old < v && !written.CompareAndSwap(old, v); old = written.Load() {
					}
				}
			})
			wg.Go(func() {
				for range 200 {
					least := written.Load()
					v, err := c.Get(t.Context(), "k")
					assert.NoError(t, err)
					assert.GreaterOrEqual(t, v, least)
				}
			})
		}
		wg.Wait()
		reads(t, source.Load(), "k", a, b)
	})
}

func TestRefuseUnheldDoesNotWriteWithoutAHold(t *testing.T) {
	server := redistest.Start(t)
	st, src := open(t, client(t, server.Addr())), &table{}
	c := cacheable.New(st, "c", src.load)
	refusing := evict.Around(src.write, evict.Key(c, keyOf), evict.RefuseUnheld())
	_, err := refusing(t.Context(), change{"k", 1})
	require.NoError(t, err)
	server.Kill()
	v, err := refusing(t.Context(), change{"k", 2})
	require.ErrorIs(t, err, evict.ErrUnheld)
	require.ErrorIs(t, err, store.ErrUnavailable)
	require.Zero(t, v)
	require.EqualValues(t, 1, src.cell("k").Load(), "the write was not called")

	v, err = evict.Around(src.write, evict.Key(c, keyOf))(t.Context(), change{"k", 3})
	require.NoError(t, err, "without it the write goes on")
	require.EqualValues(t, 3, v)
	reads(t, 3, "k", c)
	server.Restart()
	eventually(t, "the evictions", func() bool { return st.Stats().Pending == 0 })
	reads(t, 3, "k", c)
	_, err = refusing(t.Context(), change{"k", 4})
	require.NoError(t, err)
	reads(t, 4, "k", c)

	require.NoError(t, st.Close())
	_, err = refusing(t.Context(), change{"k", 5})
	require.ErrorIs(t, err, evict.ErrUnheld)
	require.True(t, errors.Is(err, store.ErrClosed))
}

// A user's hook that panics while the hold is renewed in the background stops neither the process nor the write.
func TestAPanicWhileTheHoldIsRenewedIsRecovered(t *testing.T) {
	h := &panicking{met: make(chan struct{}, 100)}
	st, src := open(t, redistest.Start(t).Client(t), store.Hooks(h), store.HoldTime(60*time.Millisecond)), &table{}
	c := cacheable.New(st, "c", src.load)
	reads(t, 0, "k", c)
	write := evict.Around(func(ctx context.Context, in change) (int64, error) {
		h.armed.Store(true)
		<-h.met
		h.armed.Store(false)
		return src.write(ctx, in)
	}, evict.Key(c, keyOf))
	_, err := write(t.Context(), change{"k", 1})
	require.NoError(t, err)
	reads(t, 1, "k", c)
	require.EqualValues(t, 1, st.Stats().Panics)
}

// panicking is a hook that panics when it is armed.
type panicking struct {
	armed atomic.Bool
	met   chan struct{}
}

func (p *panicking) strike(cmd redis.Cmder) {
	if p.armed.Load() && strings.HasPrefix(cmd.Name(), "eval") { // the feed asks for other things
		p.met <- struct{}{}
		panic("a hook of the user's")
	}
}

func (p *panicking) DialHook(next redis.DialHook) redis.DialHook { return next }

func (p *panicking) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error { p.strike(cmd); return next(ctx, cmd) }
}

func (p *panicking) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error { p.strike(cmds[0]); return next(ctx, cmds) }
}
