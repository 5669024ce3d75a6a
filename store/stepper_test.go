package store_test

import (
	"context"
	"errors"
	"slices"

	"github.com/redis/go-redis/v9"
)

// A stepper runs actors in turn: each stops before every command that it sends, and goes on when it is told to, with
// a verdict on what is to become of the command. Pipelines are taken apart, as a Cluster does it. The commands of others,
// such as the feed, pass.
type stepper struct {
	late []redis.Cmder // commands that the network still has
}

type verdict int

const (
	delivered verdict = iota
	replyLost         // carried out, but the sender does not learn of it
	tooLate           // the sender gives up, and it is carried out later
	neverSent
	verdicts
)

const together = 4

var errLost = errors.New("i/o timeout")

// actor is a goroutine that runs only between resume and the next stop.
type actor struct {
	name    string
	node    int
	unlucky bool // whether its commands may be lost
	clears  bool // whether what it loads is not to be stored
	fails   bool // whether its load does, so that a refresh leaves a cooldown
	command bool // whether it has stopped before a command
	choose  int  // which command of a pipeline goes first; from together on, all at once
	resume  chan verdict
	stopped chan struct{}
	over    bool
}

type actorKey struct{}

func (s *stepper) start(name string, node int, run func(ctx context.Context, a *actor)) *actor {
	a := &actor{name: name, node: node, resume: make(chan verdict), stopped: make(chan struct{})}
	go func() {
		<-a.resume
		run(context.WithValue(context.Background(), actorKey{}, a), a)
		a.over = true
		a.stopped <- struct{}{}
	}()
	return a
}

// step lets the actor run to its next stop.
func (a *actor) step(v verdict, choose int) {
	a.choose = choose
	a.resume <- v
	<-a.stopped
}

// pause is a stop at which others may come in between.
func (a *actor) pause() verdict {
	a.stopped <- struct{}{}
	return <-a.resume
}

// stop is a stop before a command.
func (a *actor) stop() verdict {
	a.command = true
	defer func() { a.command = false }()
	return a.pause()
}

func (s *stepper) DialHook(next redis.DialHook) redis.DialHook { return next }

func (s *stepper) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		a, ok := ctx.Value(actorKey{}).(*actor)
		if !ok {
			return next(ctx, cmd)
		}
		return s.pass(a.stop(), []redis.Cmder{cmd}, func() error { return next(ctx, cmd) })
	}
}

func (s *stepper) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		a, ok := ctx.Value(actorKey{}).(*actor)
		if !ok {
			return next(ctx, cmds)
		}
		var errs []error
		for rest := slices.Clone(cmds); len(rest) > 0; {
			v := a.stop()
			some := rest
			if a.choose >= together {
				rest = nil
			} else {
				i := a.choose % len(rest)
				some = []redis.Cmder{rest[i]}
				rest = slices.Delete(rest, i, i+1)
			}
			errs = append(errs, s.pass(v, some, func() error { return next(ctx, some) }))
		}
		return errors.Join(errs...)
	}
}

// pass sends commands that belong together, or does what else the verdict says.
func (s *stepper) pass(v verdict, cmds []redis.Cmder, send func() error) error {
	switch v {
	case delivered:
		return send()
	case replyLost:
		_ = send()
	case tooLate:
		for _, cmd := range cmds {
			s.late = append(s.late, redis.NewCmd(context.Background(), cmd.Args()...))
		}
	}
	for _, cmd := range cmds {
		cmd.SetErr(errLost)
	}
	return errLost
}

// arrive carries out one of the late commands.
func (s *stepper) arrive(rdb redis.UniversalClient, i int) {
	cmd := s.late[i]
	s.late = slices.Delete(s.late, i, i+1)
	_ = rdb.Process(context.Background(), cmd)
}
