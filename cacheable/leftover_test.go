package cacheable_test

import (
	"context"
	"io"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/cacheable"
	"github.com/jollyjet/aside/internal/lua"
	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/store"
)

// far are two nodes of one cache. The first reaches Redis through a proxy.
type far struct {
	server *redistest.Server
	rdb    *redis.Client // reaches it directly
	proxy  *redistest.Proxy
	o      *outage
	nodes  []*outages
	before atomic.Pointer[func()] // is called once, before the first node takes a lease
}

func newFar(t *testing.T, options ...cacheable.Option) *far {
	f := &far{server: redistest.Start(t), o: &outage{}}
	f.rdb, f.proxy = f.server.Client(t), redistest.StartProxy(t, f.server.Addr())
	namespace := redistest.Unique(t)
	options = append([]cacheable.Option{cacheable.TTL(time.Hour)}, options...)
	watch := redistest.Before(func(cmds []redis.Cmder) {
		if slices.ContainsFunc(cmds, isTake) {
			if f := f.before.Swap(nil); f != nil {
				(*f)()
			}
		}
	})
	for _, st := range []*store.Store{
		join(t, client(t, f.proxy.Addr()), namespace, store.Timeout(timeout), store.Hooks(watch)), join(t, f.rdb, namespace),
	} {
		c := cacheable.NewMany(st, "c", f.o.load, options...)
		f.nodes = append(f.nodes, c)
		for range 2 { // Redis knows the scripts from now on, and the node the versions
			require.NoError(t, c.Evict(t.Context(), "k"))
			_, err := c.GetAll(t.Context(), []string{"k", "other", "well"})
			require.NoError(t, err)
		}
	}
	return f
}

func isTake(cmd redis.Cmder) bool {
	return cmd.Name() == "evalsha" && cmd.Args()[1] == lua.Take.SHA()
}

// healed waits until both nodes can talk to Redis.
func (f *far) healed(t *testing.T) {
	eventually(t, "the first node is well again", func() bool {
		_, ok, err := f.nodes[0].Peek(t.Context(), "well")
		return err == nil && ok
	})
}

// nobodyWaits reads keys, each on another node. A node that finds a lease waits for up to the three seconds of it.
func (f *far) nobodyWaits(t *testing.T, keys ...string) {
	for i, key := range keys {
		c := f.nodes[i%2]
		_, info, err := c.GetInfo(t.Context(), key)
		require.NoError(t, err)
		require.Less(t, info.Took, time.Second, "node %d waited for a lease that nobody needs", i%2)
		_, ok, err := c.Peek(t.Context(), key)
		require.NoError(t, err)
		require.True(t, ok, "it is cached")
	}
}

// spoiled are ways in which a take is not answered.
var spoiled = map[string]func(f *far){
	"arrives late":  func(f *far) { f.proxy.Hang() },
	"answered late": func(f *far) { f.proxy.Delay(3 * timeout) },
}

// A take that is not answered in time may be carried out all the same. Its lease keeps nobody waiting once Redis can be
// reached again, neither this process nor others.
func TestALeaseOfATakeThatWasNotAnsweredIsGivenBack(t *testing.T) {
	for name, spoil := range spoiled {
		t.Run(name, func(t *testing.T) {
			for name, read := range map[string]func(ctx context.Context, c *outages) error{
				"Get": func(ctx context.Context, c *outages) error {
					_, err := c.Get(ctx, "k0")
					return err
				},
				"GetAll": func(ctx context.Context, c *outages) error {
					_, err := c.GetAll(ctx, []string{"k0", "k1", "k2", "k3"})
					return err
				},
			} {
				t.Run(name, func(t *testing.T) {
					f := newFar(t)
					now := func() { spoil(f) }
					f.before.Store(&now)
					require.NoError(t, read(t.Context(), f.nodes[0]), "the source answers")
					require.Nil(t, f.before.Load())
					f.proxy.Heal()
					f.healed(t)
					f.nobodyWaits(t, "k3", "k0", "k1", "k2")
				})
			}
		})
	}
}

// The same for the lease of a refresh: the value is refreshed, and loaded when it is expired.
func TestALeaseOfARefreshThatWasNotAnsweredIsGivenBack(t *testing.T) {
	for name, spoil := range spoiled {
		t.Run(name, func(t *testing.T) {
			f := newFar(t, cacheable.FailSafe(time.Hour))
			require.NoError(t, f.nodes[0].Expire(t.Context(), "k", "other"))
			now := func() { spoil(f) }
			f.before.Store(&now)
			_, err := f.nodes[0].GetAll(t.Context(), []string{"k", "other"})
			require.NoError(t, err)
			require.Nil(t, f.before.Load())
			f.proxy.Heal()
			f.healed(t)
			f.nobodyWaits(t, "k", "other")
		})
	}
}

// A Redis that is full, or may not be written to, refuses the value, though the lease was there. It goes at once.
func TestALeaseIsGivenBackIfRedisRefusesTheValue(t *testing.T) {
	for name, way := range both {
		t.Run(name, func(t *testing.T) {
			for name, expire := range map[string]bool{"absent": false, "expired": true} {
				t.Run(name, func(t *testing.T) {
					f := newFar(t, cacheable.FailSafe(time.Hour))
					if expire {
						require.NoError(t, f.nodes[0].Expire(t.Context(), "k"))
					} else {
						require.NoError(t, f.nodes[0].Evict(t.Context(), "k"))
					}
					f.o.during = func() { require.NoError(t, f.rdb.ConfigSet(t.Context(), "maxmemory", "1").Err()) }
					_, err := way(t.Context(), f.nodes[0])
					require.NoError(t, err)
					addr := f.nodes[0].EntryKey("k").String()
					if !expire {
						require.Zero(t, f.rdb.Exists(t.Context(), addr).Val(), "it goes while Redis is full")
					}
					require.Zero(t, f.rdb.Exists(t.Context(), addr+":r").Val(), "it goes while Redis is full")
					f.o.during = nil
					require.NoError(t, f.rdb.ConfigSet(t.Context(), "maxmemory", "0").Err())
					f.nobodyWaits(t, "k0", "k")
				})
			}
		})
	}
}

// A process does not wait for a lease of its own that it could not give back yet.
func TestAProcessDoesNotWaitForItsOwnLeftover(t *testing.T) {
	for name, way := range both {
		t.Run(name, func(t *testing.T) {
			for name, expire := range map[string]bool{"absent": false, "expired": true} {
				t.Run(name, func(t *testing.T) {
					rdb, o := redistest.Start(t).Client(t), &outage{}
					var takes, drops atomic.Bool // are lost: the replies of the former, the latter altogether
					network := redistest.Hook(func(_ context.Context, cmds []redis.Cmder, send func() error) error {
						switch {
						case takes.Load() && slices.ContainsFunc(cmds, isTake):
							_ = send()
						case drops.Load() && slices.ContainsFunc(cmds, isDrop):
						default:
							return send()
						}
						for _, cmd := range cmds {
							cmd.SetErr(io.ErrUnexpectedEOF)
						}
						return io.ErrUnexpectedEOF
					})
					c := cacheable.NewMany(open(t, rdb, store.Hooks(network), store.BreakAfter(1<<30)), "c", o.load,
						cacheable.TTL(time.Hour), cacheable.FailSafe(time.Hour))
					_, err := way(t.Context(), c)
					require.NoError(t, err)
					at := c.EntryKey("k").String()
					if expire {
						at += ":r"
						require.NoError(t, c.Expire(t.Context(), "k"))
					} else {
						require.NoError(t, c.Evict(t.Context(), "k"))
					}
					takes.Store(true)
					drops.Store(true)
					_, err = way(t.Context(), c)
					require.NoError(t, err)
					require.EqualValues(t, 1, rdb.Exists(t.Context(), at).Val(), "the lease is there")
					takes.Store(false)
					_, info, err := c.GetInfo(t.Context(), "k")
					require.NoError(t, err)
					require.Less(t, info.Took, time.Second)
					drops.Store(false)
					_, info, err = c.GetInfo(t.Context(), "k") // the end of the last load may have been lost together with a drop
					require.NoError(t, err)
					require.Less(t, info.Took, time.Second)
					_, info, err = c.GetInfo(t.Context(), "k")
					require.NoError(t, err)
					require.Equal(t, cacheable.SourceHit, info.Source, "it is cached")
				})
			}
		})
	}
}

func isDrop(cmd redis.Cmder) bool { return slices.Contains(cmd.Args(), any("drop")) }
