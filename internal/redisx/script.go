package redisx

import (
	"context"
	"crypto/sha1" //nolint:gosec // it is the name of the script, not a safeguard
	"encoding/hex"
	"errors"

	"github.com/redis/go-redis/v9"
)

// Script is a Lua script that works on one key. It has to be safe to run although its reply is lost.
type Script struct{ text, sha string }

// NewScript returns the script with the given text.
func NewScript(text string) *Script {
	sum := sha1.Sum([]byte(text)) //nolint:gosec // see above
	return &Script{text: text, sha: hex.EncodeToString(sum[:])}
}

// Call is one command on one key: a script, or a GET where there is none.
type Call struct {
	Script *Script
	Key    string
	Args   []any
	Reply  *redis.Cmd // after Run; nil if it was never sent
}

// Get is a call that reads a key.
func Get(key string) *Call { return &Call{Key: key} }

// ErrNotSent is what became of a call that Run was not called for.
var ErrNotSent = errors.New("not sent")

// Err is what became of the call. That there is no key, or for a GET that it is not a string, is not an error; Reply
// has no text then.
func (c *Call) Err() error {
	if c.Reply == nil {
		return ErrNotSent
	}
	err := c.Reply.Err()
	if err == redis.Nil || c.Script == nil && redis.HasErrorPrefix(err, "WRONGTYPE") { //nolint:errorlint // go-redis returns it bare
		return nil
	}
	return err
}

// Did reports whether a script that answers 1 for done did it.
func (c *Call) Did() bool {
	if c.Reply == nil {
		return false
	}
	n, err := c.Reply.Int()
	return err == nil && n == 1
}

// Run carries out the calls in one round trip (one per node of a Cluster). A script that a server does not know yet is
// sent in full in a second one; nothing else is ever tried twice. The error is the first of any call.
func Run(ctx context.Context, c *Client, calls ...*Call) error {
	return run(calls, func(calls []*Call, whole bool) { send(ctx, c, calls, whole) })
}

// RunOn is [Run] on one connection.
func RunOn(ctx context.Context, cn *redis.Conn, calls ...*Call) error {
	return run(calls, func(calls []*Call, whole bool) { pipeline(ctx, cn, calls, whole) })
}

func run(calls []*Call, send func(calls []*Call, whole bool)) error {
	send(calls, false)
	var again []*Call
	for _, c := range calls {
		if c.Script != nil && redis.HasErrorPrefix(c.Reply.Err(), "NOSCRIPT") {
			again = append(again, c)
		}
	}
	if len(again) > 0 {
		send(again, true)
	}
	for _, c := range calls {
		if err := c.Err(); err != nil {
			return err
		}
	}
	return nil
}

// send carries out the calls, and gives each a reply of its own to read, whatever became of it.
func send(ctx context.Context, c *Client, calls []*Call, whole bool) {
	if len(calls) == 1 {
		calls[0].Reply = calls[0].command(ctx, whole)
		calls[0].settle(ctx, c.Do(ctx, &Once{Cmd: calls[0].Reply}))
		return
	}
	defer c.leave()
	if c.enter() {
		share(ctx, c, calls, whole)
		return
	}
	pipeline(ctx, c, calls, whole)
}

func pipeline(ctx context.Context, to interface{ Pipeline() redis.Pipeliner }, calls []*Call, whole bool) {
	pipe := to.Pipeline()
	for _, call := range calls {
		call.Reply = call.command(ctx, whole)
		_ = pipe.Process(ctx, &Once{Cmd: call.Reply})
	}
	_, _ = pipe.Exec(ctx) // each call has its own error
}

func share(ctx context.Context, c *Client, calls []*Call, whole bool) {
	futures := make([]redis.AutoFuture, len(calls))
	for i, call := range calls {
		call.Reply = call.command(ctx, whole)
		futures[i] = c.shared.Submit(ctx, &Once{Cmd: call.Reply})
	}
	for i, call := range calls {
		call.settle(ctx, futures[i].WaitContext(ctx))
	}
}

// settle takes note of how sending ended.
func (c *Call) settle(ctx context.Context, err error) {
	if err != nil && ctx.Err() != nil {
		c.Reply = redis.NewCmd(ctx) // the other one may still be written to
		c.Reply.SetErr(err)
	}
}

func (c *Call) command(ctx context.Context, whole bool) *redis.Cmd {
	args := make([]any, 0, 4+len(c.Args))
	switch {
	case c.Script == nil:
		args = append(args, "get", c.Key)
	case whole:
		args = append(args, "eval", c.Script.text, 1, c.Key)
	default:
		args = append(args, "evalsha", c.Script.sha, 1, c.Key)
	}
	cmd := redis.NewCmd(ctx, append(args, c.Args...)...)
	if c.Script != nil {
		cmd.SetFirstKeyPos(3)
	}
	return cmd
}
