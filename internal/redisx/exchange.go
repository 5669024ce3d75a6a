package redisx

import (
	"context"

	"github.com/redis/go-redis/v9"
)

// sender is a client of one node, or one connection of it.
type sender interface {
	Process(ctx context.Context, cmd redis.Cmder) error
	Pipeline() redis.Pipeliner
}

// exchange sends commands over one connection, and gives each an outcome. It is the one place of the module that sends
// pipelines.
func exchange(ctx context.Context, to sender, cmds []Command) {
	if len(cmds) == 1 {
		complete(cmds[0], to.Process(ctx, cmds[0]))
		return
	}
	pipe := to.Pipeline()
	for _, cmd := range cmds {
		_ = pipe.Process(ctx, cmd) // it only queues
	}
	_, err := pipe.Exec(ctx)
	for _, cmd := range cmds {
		complete(cmd, err)
	}
}
