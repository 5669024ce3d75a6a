package cacheable_test

import (
	"context"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/cacheable"
	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/store"
)

// An eviction that is queued counts on its own node from the moment it has returned, also for those who join a load
// that began before it.
func TestALoadThatBeganBeforeAQueuedEvictionAnswersNobodyWhoCameAfter(t *testing.T) {
	for name, option := range map[string]cacheable.Option{
		"key": cacheable.Jitter(0),
		"tag": cacheable.Tags(func(string) []string { return []string{"tag"} }),
	} {
		t.Run(name, func(t *testing.T) {
			server := redistest.Start(t)
			proxy := redistest.StartProxy(t, server.Addr())
			st, src := open(t, client(t, proxy.Addr()), store.Timeout(timeout)), source{}
			loading, finish := make(chan struct{}), make(chan struct{})
			c := cacheable.New(st, "c", func(ctx context.Context, k string) (int64, error) {
				v, err := src.load(ctx, k)
				if v == 0 {
					close(loading)
					<-finish
				}
				return v, err
			}, option)
			first := async(func() (int64, error) { return c.Get(t.Context(), "k") })
			within(t, "the load", loading)

			proxy.Cut()
			src.value.Store(1)
			key := c.EntryKey("k")
			if name == "tag" {
				key = st.Tag("tag")
			}
			require.ErrorIs(t, st.Evict(t.Context(), key), store.ErrQueued)
			asking := &asking{Context: t.Context(), waits: make(chan struct{})}
			second := async(func() (int64, error) { return c.Get(asking, "k") })
			within(t, "the second reader", asking.waits)
			proxy.Heal()
			close(finish)
			v, err := first.wait(t)
			require.NoError(t, err)
			require.Zero(t, v, "it asked before")
			v, err = second.wait(t)
			require.NoError(t, err)
			require.EqualValues(t, 1, v)
		})
	}
}

// asking is a context that tells when somebody begins to wait for its end.
type asking struct {
	context.Context
	once  sync.Once
	waits chan struct{}
}

func (a *asking) Done() <-chan struct{} {
	a.once.Do(func() { close(a.waits) })
	return a.Context.Done()
}
