package redisx

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/internal/redistest"
)

// sends counts the commands that are sent alone, and the pipelines.
type sends struct{ commands, pipelines atomic.Int64 }

func (s *sends) hook() redis.Hook {
	return redistest.Before(func(cmds []redis.Cmder) {
		if len(cmds) == 1 {
			s.commands.Add(1)
		} else {
			s.pipelines.Add(1)
		}
	})
}

func own(t *testing.T, rdb redis.UniversalClient, l Limits) *Client {
	t.Helper()
	if l.Timeout == 0 {
		l.Timeout = 10 * time.Second
	}
	c, err := Own(rdb, l)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.Close()) })
	return c
}

var echo = NewScript(`return ARGV[1]`)

func TestSharedRepliesBelongToTheirCommands(t *testing.T) {
	const callers, each = 64, 50
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		var sent sends
		c := own(t, rdb, Limits{ShareFrom: 4, Hooks: []redis.Hook{sent.hook()}})
		prefix := redistest.Unique(t)
		var wg sync.WaitGroup
		for caller := range callers {
			wg.Go(func() {
				for i := range each {
					text := fmt.Sprintf("%d-%d", caller, i)
					one := &Call{Script: echo, Key: prefix + text, Args: []any{text}}
					other := &Call{Script: echo, Key: prefix + "other" + text, Args: []any{"other" + text}}
					if err := Run(t.Context(), c, one); err != nil || one.Reply.Val() != text {
						t.Error(one.Reply)
					}
					if err := Run(t.Context(), c, one, other, Get(prefix+"none")); err != nil ||
						one.Reply.Val() != text || other.Reply.Val() != "other"+text {
						t.Error(err, one.Reply, other.Reply)
					}
				}
			})
		}
		wg.Wait()
		nodes := 1
		if _, single := c.Single(); !single {
			nodes = 3 // each has pipelines of its own
		}
		require.Less(t, sent.commands.Load()+sent.pipelines.Load(), int64(callers*each*nodes), "they shared")
	})
}

func TestFewDoNotShare(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		var sent sends
		c := own(t, rdb, Limits{ShareFrom: 2, Hooks: []redis.Hook{sent.hook()}})
		require.NoError(t, Run(t.Context(), c, Get("none")))
		handshake := sent.pipelines.Load()
		for range 10 {
			require.NoError(t, Run(t.Context(), c, Get("none")))
		}
		require.Equal(t, handshake, sent.pipelines.Load())
		require.Zero(t, c.sharing.busy.Load())
	})
}

func TestTheLastOfManyShareForAWhile(t *testing.T) {
	c := own(t, redistest.Start(t).Client(t), Limits{ShareFrom: 3})
	require.False(t, c.sharing.enter())
	require.False(t, c.sharing.enter())
	require.True(t, c.sharing.enter())
	for range 3 {
		c.sharing.leave()
	}
	for range busyFor {
		require.True(t, c.sharing.enter(), "a burst has just been")
		c.sharing.leave()
	}
	require.False(t, c.sharing.enter())
	c.sharing.leave()
}

// A caller whose context ends does not wait for the reply, and its calls are not written to later.
func TestContextEndsTheWait(t *testing.T) {
	for name, share := range map[string]int{"sharing": 1, "alone": 0} {
		t.Run(name, func(t *testing.T) { contextEndsTheWait(t, share) })
	}
}

func contextEndsTheWait(t *testing.T, share int) {
	server := redistest.Start(t)
	c := own(t, server.Client(t), Limits{ShareFrom: share})
	require.NoError(t, Run(t.Context(), c, &Call{Script: echo, Key: "k", Args: []any{"warm"}}))
	server.Pause()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	began := time.Now()
	calls := []*Call{{Script: echo, Key: "k", Args: []any{"a"}}, {Script: echo, Key: "l", Args: []any{"b"}}}
	require.ErrorIs(t, Run(ctx, c, calls...), context.DeadlineExceeded)
	require.ErrorIs(t, c.Do(ctx, "k", &StringCmd{StringCmd: redis.NewStringCmd(ctx, "get", "k")}), context.DeadlineExceeded)
	require.Less(t, time.Since(began), c.work.timeout/2)
	for _, call := range calls {
		require.ErrorIs(t, call.Reply.Err(), context.DeadlineExceeded)
		require.Nil(t, call.Reply.Val())
	}
	server.Resume()
	after := &Call{Script: echo, Key: "k", Args: []any{"after"}}
	require.NoError(t, Run(t.Context(), c, after))
	require.Equal(t, "after", after.Reply.Val())
	for _, call := range calls {
		require.Nil(t, call.Reply.Val(), "the late reply goes nowhere")
	}
}

// A server that does not answer holds up a caller no longer than its turn and its reply take.
func TestTimeoutOfSharedCommands(t *testing.T) {
	server := redistest.Start(t)
	const timeout = 500 * time.Millisecond
	c := own(t, server.Client(t), Limits{ShareFrom: 1, Timeout: timeout})
	redistest.Eventually(t, "an answer", func() bool { return Run(t.Context(), c, Get("k")) == nil })
	server.Pause()
	defer server.Resume()
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			began := time.Now()
			if err := Run(t.Context(), c, Get("k")); err == nil {
				t.Error("a paused server answered")
			}
			if took := time.Since(began); took > 10*timeout {
				t.Errorf("waited for %v", took)
			}
		})
	}
	wg.Wait()
}

func TestSharedCommandsAreSentOnce(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		key := redistest.Unique(t) + "count"
		c := own(t, rdb, Limits{ShareFrom: 1})
		count := NewScript(`return redis.call("INCR", KEYS[1])`)
		var wg sync.WaitGroup
		for range 200 {
			wg.Go(func() {
				if err := Run(t.Context(), c, &Call{Script: count, Key: key}); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		require.Equal(t, "200", rdb.Get(t.Context(), key).Val())
	})
}
