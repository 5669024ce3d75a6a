package evict_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/cacheable"
	"github.com/jollyjet/aside/evict"
	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/store"
)

// Redis is unreachable during a write. The write's result is returned unchanged, and this node reads from the source
// from then on. When Redis is back, the eviction is executed before this node reads from Redis again.
func TestWhileRedisIsGoneEvictionsAreQueued(t *testing.T) {
	failure := errors.New("constraint violated")
	for name, target := range map[string]func(c *cache) evict.Target[change]{
		"Key": func(c *cache) evict.Target[change] { return evict.Key(c, keyOf) },
		"Tags": func(c *cache) evict.Target[change] {
			return evict.Tags(c.Store(), func(in change) []string { return []string{"of " + in.Key} })
		},
		"All":     func(c *cache) evict.Target[change] { return evict.All[change](c) },
		"Replace": func(c *cache) evict.Target[change] { return evict.Replace(c, pair) },
	} {
		for decorator, decorate := range decorators {
			if name == "Replace" && decorator != "Around" {
				continue
			}
			for outage, strike := range map[string]func(p *redistest.Proxy){"cut": (*redistest.Proxy).Cut, "hang": (*redistest.Proxy).Hang} {
				t.Run(name+"/"+decorator+"/"+outage, func(t *testing.T) {
					t.Parallel()
					server := redistest.Start(t)
					proxy := redistest.StartProxy(t, server.Addr())
					namespace, src := redistest.Unique(t), &table{}
					a := cacheable.New(join(t, client(t, proxy.Addr()), namespace, store.Timeout(100*time.Millisecond)), "c", src.load, tagged)
					b := cacheable.New(join(t, server.Client(t), namespace), "c", src.load, tagged)
					becomesCached(t, 0, "k", a, b)

					strike(proxy)
					write := decorate(func(ctx context.Context, in change) (int64, error) {
						v, _ := src.write(ctx, in)
						return v, failure
					}, target(a))
					v, err := write(t.Context(), change{"k", 1})
					require.Equal(t, failure, err)
					require.EqualValues(t, 1, v)
					require.Positive(t, a.Store().Stats().Pending)
					for range 3 {
						v, info, err := a.GetInfo(t.Context(), "k")
						require.NoError(t, err)
						require.EqualValues(t, 1, v)
						require.Equal(t, cacheable.SourceBypass, info.Source)
					}
					proxy.Heal()
					eventually(t, "the eviction", func() bool {
						reads(t, 1, "k", a)
						return a.Store().Stats().Pending == 0
					})
					reads(t, 1, "k", a)
					eventually(t, "the other node's notice", func() bool {
						v, err := b.Get(t.Context(), "k")
						require.NoError(t, err)
						return v == 1
					})
					stats := a.Store().Stats()
					require.Equal(t, stats.Queued, stats.Replayed)
				})
			}
		}
	}
}

// Redis fails in the middle of a write, after the hold was placed.
func TestRedisGoesAwayDuringTheWrite(t *testing.T) {
	server := redistest.Start(t)
	proxy := redistest.StartProxy(t, server.Addr())
	namespace, src := redistest.Unique(t), &table{}
	a := cacheable.New(join(t, client(t, proxy.Addr()), namespace), "c", src.load)
	b := cacheable.New(join(t, server.Client(t), namespace), "c", src.load)
	reads(t, 0, "k", a, b)
	write := evict.Around(func(ctx context.Context, in change) (int64, error) {
		proxy.Cut()
		return src.write(ctx, in)
	}, evict.Replace(a, pair))
	v, err := write(t.Context(), change{"k", 1})
	require.NoError(t, err)
	require.EqualValues(t, 1, v)
	for range 50 { // the hold still stands, so nobody is wrong in the meantime
		reads(t, 1, "k", a, b)
	}
	proxy.Heal()
	eventually(t, "the eviction", func() bool {
		reads(t, 1, "k", a, b)
		return a.Store().Stats().Pending == 0
	})
	reads(t, 1, "k", a, b)
}

func TestDirectEvictionsAreQueuedToo(t *testing.T) {
	server := redistest.Start(t)
	st := open(t, client(t, server.Addr()), store.Timeout(100*time.Millisecond))
	server.Kill()
	require.ErrorIs(t, evict.ByTag(t.Context(), st, "a", "b"), store.ErrQueued)
	require.ErrorIs(t, evict.Everything(t.Context(), st), store.ErrQueued)
	require.EqualValues(t, 3, st.Stats().Pending)
	n, err := evict.ByPattern(t.Context(), st, "*")
	require.ErrorIs(t, err, store.ErrUnavailable)
	require.Zero(t, n)
	server.Restart()
	eventually(t, "the evictions", func() bool { return st.Stats().Pending == 0 })
}
