package cacheable_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/cacheable"
	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/store"
)

// A queued eviction takes effect on its own node as soon as it has returned, even for callers that join a load that
// began before it.
func TestALoadThatBeganBeforeAQueuedEvictionAnswersNobodyWhoCameAfter(t *testing.T) {
	for name, option := range map[string]cacheable.Option{
		"key": cacheable.Jitter(0),
		"tag": cacheable.Tags(func(string) []string { return []string{"tag"} }),
	} {
		t.Run(name, func(t *testing.T) {
			pass := &passport{}
			st, src := open(t, redistest.Start(t).Client(t), store.Hooks(pass)), source{}
			loading, finish := make(chan struct{}), make(chan struct{})
			c := cacheable.New(st, "c", func(ctx context.Context, k string) (int64, error) {
				v, err := src.load(ctx, k)
				if v == 0 {
					close(loading)
					<-finish
				}
				return v, err
			}, option)
			reader := context.WithValue(t.Context(), passportKey{}, true)
			first := async(func() (int64, error) { return c.Get(reader, "k") })
			within(t, "the load", loading)

			pass.asked.Store(true) // neither the eviction nor its repetitions reach Redis, but the reads and the load do
			src.value.Store(1)
			key := c.EntryKey("k")
			if name == "tag" {
				key = st.Tag("tag")
			}
			require.ErrorIs(t, st.Evict(t.Context(), key), store.ErrQueued)
			asking := &asking{Context: reader, waits: make(chan struct{})}
			second := async(func() (int64, error) { return c.Get(asking, "k") })
			within(t, "the second reader", asking.waits)
			close(finish)
			v, err := first.wait(t)
			require.NoError(t, err)
			require.Zero(t, v, "it asked before")
			v, err = second.wait(t)
			require.NoError(t, err)
			require.EqualValues(t, 1, v)

			pass.asked.Store(false)
			eventually(t, "the eviction", func() bool { return st.Stats().Pending == 0 })
			v, err = c.Get(t.Context(), "k")
			require.NoError(t, err)
			require.EqualValues(t, 1, v)
		})
	}
}

// passport is a hook that, while it is on, lets only commands pass whose context has a passport.
type passport struct{ asked atomic.Bool }

type passportKey struct{}

func (p *passport) check(ctx context.Context) error {
	if p.asked.Load() && ctx.Value(passportKey{}) == nil {
		return errors.New("no passport")
	}
	return nil
}

func (p *passport) DialHook(next redis.DialHook) redis.DialHook { return next }

func (p *passport) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if err := p.check(ctx); err != nil {
			cmd.SetErr(err)
			return err
		}
		return next(ctx, cmd)
	}
}

func (p *passport) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		err := p.check(ctx)
		if err == nil {
			return next(ctx, cmds)
		}
		for _, cmd := range cmds {
			cmd.SetErr(err)
		}
		return err
	}
}

// asking is a context that reports when a caller begins to wait for its end.
type asking struct {
	context.Context
	once  sync.Once
	waits chan struct{}
}

func (a *asking) Done() <-chan struct{} {
	a.once.Do(func() { close(a.waits) })
	return a.Context.Done()
}
