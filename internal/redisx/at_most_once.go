package redisx

import (
	"errors"

	"github.com/redis/go-redis/v9"
)

// Command is a command that is sent once, and whose outcome is always known: [Cmd], [StringCmd], [SliceCmd], [IntsCmd] or
// [TimeCmd]. A Cluster client of go-redis sends other commands again when no reply comes. One that arrives a second time
// may undo what was written in between.
type Command interface {
	redis.Cmder
	result() *outcome
}

// errNoOutcome is the error of a command for which go-redis has reported neither a reply nor an error.
var errNoOutcome = errors.New("redisx: the client did not report an outcome of the command")

// outcome says whether a command was carried out. go-redis leaves the error of a command unset when its connection was
// refused in the handshake; code that reads that error alone would take the command for carried out.
type outcome struct {
	known bool
	err   error
}

func (o *outcome) set(err error) { o.known, o.err = true, err }

func (o *outcome) result() *outcome { return o }

// Cmd is a [Command] with a reply of any type.
type Cmd struct {
	*redis.Cmd
	outcome
}

// StringCmd is a [Command] that replies with a string.
type StringCmd struct {
	*redis.StringCmd
	outcome
}

// SliceCmd is a [Command] that replies with a list.
type SliceCmd struct {
	*redis.SliceCmd
	outcome
}

// IntsCmd is a [Command] that replies with a list of integers.
type IntsCmd struct {
	*redis.IntSliceCmd
	outcome
}

// TimeCmd is a [Command] that replies with a time.
type TimeCmd struct {
	*redis.TimeCmd
	outcome
}

// SetErr is called by go-redis.
func (c *Cmd) SetErr(err error) { c.set(err); c.Cmd.SetErr(err) }

// SetErr is called by go-redis.
func (c *StringCmd) SetErr(err error) { c.set(err); c.StringCmd.SetErr(err) }

// SetErr is called by go-redis.
func (c *SliceCmd) SetErr(err error) { c.set(err); c.SliceCmd.SetErr(err) }

// SetErr is called by go-redis.
func (c *IntsCmd) SetErr(err error) { c.set(err); c.IntSliceCmd.SetErr(err) }

// SetErr is called by go-redis.
func (c *TimeCmd) SetErr(err error) { c.set(err); c.TimeCmd.SetErr(err) }

// NoRetry is asked by go-redis's Cluster client.
func (c *TimeCmd) NoRetry() bool { return true }

// NoRetry is asked by go-redis's Cluster client.
func (c *Cmd) NoRetry() bool { return true }

// NoRetry is asked by go-redis's Cluster client.
func (c *StringCmd) NoRetry() bool { return true }

// NoRetry is asked by go-redis's Cluster client.
func (c *SliceCmd) NoRetry() bool { return true }

// NoRetry is asked by go-redis's Cluster client.
func (c *IntsCmd) NoRetry() bool { return true }

// complete makes sure that a command has an outcome, after it was sent and the client returned err for it, or for all that
// were sent together.
func complete(cmd redis.Cmder, err error) {
	c, ok := cmd.(Command)
	if !ok || c.result().known {
		return
	}
	if err == nil {
		err = errNoOutcome
	}
	cmd.SetErr(err)
}

// reset prepares a command for being sent again.
func reset(cmd Command) {
	cmd.SetErr(nil)
	*cmd.result() = outcome{}
}

// errorOf is the error of a command that was sent.
func errorOf(cmd redis.Cmder) error {
	if c, ok := cmd.(Command); ok {
		return c.result().err
	}
	return cmd.Err()
}

// firstError is the first error of any command.
func firstError(cmds []redis.Cmder) error {
	for _, cmd := range cmds {
		if err := errorOf(cmd); err != nil {
			return err
		}
	}
	return nil
}
