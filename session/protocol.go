package session

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jollyjet/aside/internal/pause"
	"github.com/jollyjet/aside/internal/redisx"
)

// protocol sends the commands that create, read, change and end sessions. It knows neither the type of the data nor
// requests. Its methods are grouped by what they do: create.go, read.go, slide.go, save.go, bind.go, end.go, undo.go,
// prune.go, watch.go and scan.go.
type protocol struct {
	config
	reporter
	*connection
	locks    locks
	orphans  orphans
	valid    func(payload []byte) bool // whether a payload can be decoded; set once, by New
	watching atomic.Int64              // contexts of Watch that have not ended
	plain    sync.Once                 // limits a warning; see requestSession.warnPlain
	lateUse  sync.Once                 // limits a warning; see requestSession.touch
	backOff  func(ctx context.Context, after *pause.Backoff) error
}

func (p *protocol) sessionKey(handle string) string { return p.conn.Namespace + ":s:" + handle }

func (p *protocol) userKey(locator [locatorBytes]byte) string {
	return p.conn.Namespace + ":u:" + nameOf(locator[:])
}

func (p *protocol) keyOfUser(user string) string { return p.userKey(locatorOf(user)) }

// run executes the calls in one round trip; see redisx.Run.
func (p *protocol) run(ctx context.Context, calls ...*redisx.Call) error {
	err := redisx.Run(ctx, p.rdb, calls...)
	if err == nil {
		p.memory.Used()
	}
	return p.failure(ctx, err)
}

// failure wraps the error of a command in ErrUnavailable. It reports the error, unless the caller has given up.
func (p *protocol) failure(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() == nil {
		p.report(Event{Kind: Unavailable, Err: err})
	}
	return unavailable(err)
}

var errReply = errors.New("a script's reply has no number")

// parseReply separates the integers from the texts of a script's reply.
func parseReply(c *redisx.Call) (numbers []int64, texts []string, err error) {
	parts, err := c.Reply.Slice()
	if err != nil {
		return nil, nil, err
	}
	for _, part := range parts {
		switch part := part.(type) {
		case int64:
			numbers = append(numbers, part)
		case string:
			texts = append(texts, part)
		default:
			return nil, nil, fmt.Errorf("unexpected reply of type %T", part)
		}
	}
	return numbers, texts, nil
}

// script runs a script whose reply begins with one or more numbers.
func (p *protocol) script(ctx context.Context, s *redisx.Script, key string, args ...any) (numbers []int64, texts []string, err error) {
	c := &redisx.Call{Script: s, Key: key, Args: args}
	if err := p.run(ctx, c); err != nil {
		return nil, nil, err
	}
	numbers, texts, err = parseReply(c)
	if err == nil && len(numbers) == 0 {
		err = errReply
	}
	return numbers, texts, p.failure(ctx, err)
}

// memberCall asks whether a session is in the set of its user, and so valid.
func (p *protocol) memberCall(user, handle string) *redisx.Call {
	return &redisx.Call{Script: memberScript, Key: p.keyOfUser(user), Args: []any{handle}}
}

func millis(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }

func newVersion() string {
	var v [versionBytes]byte
	_, _ = rand.Read(v[:]) // never fails
	return string(v[:])
}
