package redisx

import "github.com/redis/go-redis/v9"

// Once is a command that a Cluster client, too, sends only once: it would repeat others when no reply comes. What then
// arrives a second time may have been overtaken.
//
// It remembers its error for hooks. Err of a command that shares a pipeline waits until all of that is done, unless it is
// called by a hook of the pipeline, which it finds out by a stack trace: that takes longer than the command.
type Once struct {
	*redis.Cmd
	said error
}

// OnceString is a [Once] for one string.
type OnceString struct {
	*redis.StringCmd
	said error
}

// OnceSlice is a [Once] for several.
type OnceSlice struct {
	*redis.SliceCmd
	said error
}

// NoRetry is asked by the Cluster client.
func (*Once) NoRetry() bool { return true }

// SetErr is called by the client.
func (c *Once) SetErr(err error) {
	c.said = err
	c.Cmd.SetErr(err)
}

func (c *Once) err() error { return c.said }

// NoRetry is asked by the Cluster client.
func (*OnceString) NoRetry() bool { return true }

// SetErr is called by the client.
func (c *OnceString) SetErr(err error) {
	c.said = err
	c.StringCmd.SetErr(err)
}

func (c *OnceString) err() error { return c.said }

// NoRetry is asked by the Cluster client.
func (*OnceSlice) NoRetry() bool { return true }

// SetErr is called by the client.
func (c *OnceSlice) SetErr(err error) {
	c.said = err
	c.SliceCmd.SetErr(err)
}

func (c *OnceSlice) err() error { return c.said }

// ErrorOf returns the error of a command of a pipeline, for hooks in which the pipeline has been carried out.
func ErrorOf(cmd redis.Cmder) error {
	if c, ok := cmd.(interface{ err() error }); ok {
		return c.err()
	}
	return cmd.Err()
}
