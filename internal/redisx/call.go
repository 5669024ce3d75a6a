package redisx

import (
	"context"
	"errors"

	"github.com/redis/go-redis/v9"
)

// Call is one command on one key: a script, or a plain command.
type Call struct {
	Script *Script
	Name   string // of the command, where there is no script
	Key    string
	With   string     // a second key of the script, in the slot of Key; empty: none
	Args   []any      // after the keys
	Reply  *redis.Cmd // after Run; nil if it was never sent
}

// Get is a call that reads a key.
func Get(key string) *Call { return &Call{Name: "get", Key: key} }

// ErrNotSent is the error of a call before Run.
var ErrNotSent = errors.New("not sent")

// Err is the error of the call. That there is no such key, or for a GET that it is not a string, is not an error; Reply
// has no text then.
func (c *Call) Err() error {
	if c.Reply == nil {
		return ErrNotSent
	}
	err := c.Reply.Err()
	if err == redis.Nil || c.Name == "get" && redis.HasErrorPrefix(err, "WRONGTYPE") { //nolint:errorlint // go-redis returns it bare
		return nil
	}
	return err
}

// Did reports whether a script that replies 1 for success succeeded.
func (c *Call) Did() bool {
	if c.Reply == nil {
		return false
	}
	n, err := c.Reply.Int()
	return err == nil && n == 1
}

// RequestBytes is roughly the size of the request.
func (c *Call) RequestBytes() int {
	n := len(c.Key) + len(c.With)
	for _, arg := range c.Args {
		n += argBytes(arg)
	}
	return n
}

// ReplyBytes is roughly the size of the reply. Only strings count.
func (c *Call) ReplyBytes() int {
	if c.Reply == nil {
		return 0
	}
	return valueBytes(c.Reply.Val())
}

// fail gives the call a new reply: its old one may still be written to.
func (c *Call) fail(ctx context.Context, err error) {
	c.Reply = redis.NewCmd(ctx)
	c.Reply.SetErr(err)
}

func failAll(ctx context.Context, calls []*Call, err error) {
	for _, c := range calls {
		c.fail(ctx, err)
	}
}

// command makes the command of the call. inFull sends the text of a script, not its SHA-1.
func (c *Call) command(ctx context.Context, inFull bool) *redis.Cmd {
	args := make([]any, 0, 5+len(c.Args))
	switch {
	case c.Script == nil:
		args = append(args, c.Name)
	case inFull:
		args = append(args, "eval", c.Script.text)
	default:
		args = append(args, "evalsha", c.Script.sha)
	}
	switch {
	case c.With != "":
		args = append(args, 2, c.Key, c.With)
	case c.Script != nil:
		args = append(args, 1, c.Key)
	default:
		args = append(args, c.Key)
	}
	cmd := redis.NewCmd(ctx, append(args, c.Args...)...)
	if c.Script != nil {
		cmd.SetFirstKeyPos(3)
	}
	return cmd
}

// commands makes the commands of the calls. The calls' replies are theirs from now on.
func commands(ctx context.Context, calls []*Call, inFull bool) []Command {
	cmds := make([]Command, len(calls))
	for i, c := range calls {
		c.Reply = c.command(ctx, inFull)
		cmds[i] = &Cmd{Cmd: c.Reply}
	}
	return cmds
}

// sendCalls sends calls, and those whose script the server did not know once more, in full. It returns the first error of
// any call.
func sendCalls(calls []*Call, send func(calls []*Call, inFull bool)) error {
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
	return errorOfAny(calls)
}

// errorOfAny is the first error of any call.
func errorOfAny(calls []*Call) error {
	for _, c := range calls {
		if err := c.Err(); err != nil {
			return err
		}
	}
	return nil
}
