package wire

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/jollyjet/aside/internal/redisx"
)

// Call is a command or script to be carried out, and its reply.
type Call = redisx.Call

// Send carries out calls. The error is the first of any call; each call has its own.
type Send func(ctx context.Context, calls ...*Call) error

// Config says what Deliver waits for.
type Config struct {
	Replicas int           // how many have to confirm an eviction; 0: nobody waits for them
	Within   time.Duration // how long they may take
}

// Wire sends calls over one client. It is safe for concurrent use.
type Wire struct {
	Clock  Clock
	client *redisx.Client
	cfg    Config

	reads, writes chunks

	unreplicated atomic.Int64 // evictions that too few replicas have confirmed in time
}

// New returns a wire over the client, which the wire does not close.
func New(client *redisx.Client, cfg Config) *Wire { return &Wire{client: client, cfg: cfg} }

// Client returns the client.
func (w *Wire) Client() *redisx.Client { return w.client }

// Unreplicated counts the evictions that too few replicas have confirmed in time.
func (w *Wire) Unreplicated() int64 { return w.unreplicated.Load() }

// Single reports whether all keys are on one node, so that one command can read several.
func (w *Wire) Single() bool {
	_, ok := w.client.Single()
	return ok
}

// Run carries out the calls in one round trip, or in several if they are many; see redisx.Run. The error is the first of any
// call; each call has its own.
func (w *Wire) Run(ctx context.Context, calls ...*Call) error { return w.run(ctx, &w.writes, calls) }

func (w *Wire) run(ctx context.Context, by *chunks, calls []*Call) error {
	by.each(calls, func(chunk []*Call) {
		_ = redisx.Run(ctx, w.client, chunk...) // each call has its own error
	})
	for _, c := range calls {
		if err := c.Err(); err != nil {
			return Unavailable(err)
		}
	}
	return nil
}

// Get reads a key. The error is that of go-redis; see [Absent].
func (w *Wire) Get(ctx context.Context, key string) ([]byte, error) {
	cmd := redis.NewStringCmd(ctx, "get", key)
	if err := w.client.Do(ctx, key, &redisx.StringCmd{StringCmd: cmd}); err != nil {
		return nil, err
	}
	return cmd.Bytes()
}

// MGet reads keys of a single node. The last one is that of an entry, if any is: its size decides how the command is sent.
func (w *Wire) MGet(ctx context.Context, keys []string) ([]any, error) {
	args := make([]any, len(keys)+1)
	args[0] = "mget"
	for i, key := range keys {
		args[i+1] = key
	}
	cmd := redis.NewSliceCmd(ctx, args...)
	if err := w.client.Do(ctx, keys[len(keys)-1], &redisx.SliceCmd{SliceCmd: cmd}); err != nil {
		return nil, err
	}
	return cmd.Result()
}

// Gather carries out calls that read: on one node by a single command, or by several if they are many, which asks for each
// key once.
func (w *Wire) Gather(ctx context.Context, reads []*Call) {
	if !w.Single() {
		_ = w.run(ctx, &w.reads, reads) // each call has its own error
		return
	}
	w.reads.each(reads, func(chunk []*Call) { w.gather(ctx, chunk) })
}

func (w *Wire) gather(ctx context.Context, reads []*Call) {
	places := make(map[string]int, len(reads))
	keys := make([]string, 0, len(reads))
	for _, c := range reads {
		if _, ok := places[c.Key]; !ok {
			places[c.Key] = len(keys)
			keys = append(keys, c.Key)
		}
	}
	replies, err := w.MGet(ctx, keys)
	for _, c := range reads {
		c.Reply = redis.NewCmd(ctx)
		switch {
		case err != nil:
			c.Reply.SetErr(err)
		case replies[places[c.Key]] == nil:
			c.Reply.SetErr(redis.Nil)
		default:
			c.Reply.SetVal(replies[places[c.Key]])
		}
	}
}

// Text returns a string of a reply, or "" for anything else.
func Text(v any) string {
	s, _ := v.(string)
	return s
}
