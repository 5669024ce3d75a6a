package redisx

import (
	"context"

	"github.com/jollyjet/aside/internal/redisx/internal/rediserr"
)

// Do carries out a command on the master that has the key. If ctx or the time-out ends before the reply arrives, the error
// says so; the command may still be carried out, and must not be touched any more.
func (c *Client) Do(ctx context.Context, key string, cmd Command) error {
	if err := c.do(ctx, key, cmd); err != nil {
		return err
	}
	return cmd.result().err
}

// do sends a command. If it returns no error, the outcome is the command's own.
func (c *Client) do(ctx context.Context, key string, cmd Command) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	n, err := c.NodeFor(ctx, key)
	if err != nil {
		return err
	}
	c.scout.use(n)
	defer c.sharing.leave()
	size := requestBytes(cmd)
	if c.sharing.enter() && size < largeBytes && len(cmd.Args()) <= maxShared && !c.large.has(key) {
		err = n.shared.wait(ctx, n.shared.submit(size, cmd))
	} else {
		err = c.direct.finish(ctx, c.direct.start(ctx, n, cmd))
	}
	if err == nil && c.redirected(cmd) {
		err = c.redirect(ctx, cmd)
	}
	return err
}

func (c *Client) redirected(cmd Command) bool {
	return c.cluster != nil && rediserr.Redirected(cmd.result().err)
}

// redirect carries out commands that their node has sent elsewhere. go-redis knows where to, and loads the slots.
func (c *Client) redirect(ctx context.Context, cmds ...Command) error {
	return c.work.await(ctx, 0, func(ctx context.Context) {
		for _, cmd := range cmds {
			reset(cmd)
			complete(cmd, c.cluster.Process(ctx, cmd))
		}
	})
}
