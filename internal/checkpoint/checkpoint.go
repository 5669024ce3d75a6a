// Package checkpoint says how far the consumer of a stream of changes has come, and which process that is.
//
// Invariant: one process at a time owns a checkpoint, and only the owner changes it. A command that arrives late does not
// undo a later one: each carries the number of its step.
//
// Lock order: Checkpoint.mu comes before all others, because it is held while a command is in flight. Nobody takes it while
// holding another lock.
package checkpoint

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/jollyjet/aside/internal/envelope"
	"github.com/jollyjet/aside/internal/keyspace"
	"github.com/jollyjet/aside/internal/lifecycle"
	"github.com/jollyjet/aside/internal/lua"
	"github.com/jollyjet/aside/internal/pause"
	"github.com/jollyjet/aside/internal/wire"
)

// ErrTaken says that a checkpoint belongs to another process, or that Redis has forgotten something of it that it had
// confirmed, and so maybe evictions too: it was started again from older data, or a failover has lost the last writes.
var ErrTaken = errors.New("store: the checkpoint is another process's, or older than what was saved")

// life is how long a checkpoint is kept after its last consumer has ended.
const life = 30 * 24 * time.Hour

// Config says what [Checkpoints] are made with.
type Config struct {
	Keys      *keyspace.Keyspace
	Wire      *wire.Wire
	Life      *lifecycle.Lifecycle
	LeaseTime time.Duration // how long a checkpoint stays its owner's after the owner died
}

// Checkpoints are those of a namespace. They are safe for concurrent use.
type Checkpoints struct{ cfg Config }

// New returns the checkpoints.
func New(cfg Config) *Checkpoints { return &Checkpoints{cfg: cfg} }

// Checkpoint is how far the consumer of a stream of changes has come. It is kept in Redis. Its methods may be called from
// several goroutines.
type Checkpoint struct {
	cfg         *Config
	addr, token string

	mu              sync.Mutex // held while a command is under way; guards the fields below
	at              string
	sent, confirmed int64 // steps
}

// Take takes the checkpoint called name if no other process owns it. Its lease is renewed by [Checkpoint.Renew]. The error
// is [ErrTaken] while somebody else owns it, [lifecycle.ErrClosed], or wraps [wire.ErrUnavailable]; after the last the
// checkpoint may be taken all the same, until the lease ends.
func (c *Checkpoints) Take(ctx context.Context, name string) (*Checkpoint, error) {
	token := envelope.NewToken()
	p := &Checkpoint{cfg: &c.cfg, addr: c.cfg.Keys.Checkpoint(name), token: string(token[:])}
	take := p.call("take")
	if err := p.run(ctx, take); err != nil {
		return nil, err
	}
	reply, err := take.Reply.Slice()
	if err != nil || len(reply) != 2 {
		return nil, wire.Unavailable(errors.Join(errors.New("unexpected answer to a script"), err))
	}
	if reply[0] != int64(1) {
		return nil, ErrTaken
	}
	p.at = wire.Text(reply[1])
	return p, nil
}

// At is the position: what was last given to Save, by this owner or one before it. It is empty if nothing was.
func (p *Checkpoint) At() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.at
}

// Saved reports whether the position is confirmed by Redis. If not, [Checkpoint.Renew] still tries.
func (p *Checkpoint) Saved() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.sent == p.confirmed
}

// Save sets the position and renews the lease. If the error wraps [wire.ErrUnavailable] Renew saves it later; [ErrTaken] is
// final.
func (p *Checkpoint) Save(ctx context.Context, at string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.at = at
	return p.save(ctx)
}

// save is called with mu held.
func (p *Checkpoint) save(ctx context.Context) error {
	p.sent++
	if err := p.owned(ctx, p.call("save", p.confirmed, p.sent, p.at)); err != nil {
		return err
	}
	p.confirmed = p.sent
	return nil
}

// Renew renews the lease, and saves what could not be saved, until ctx ends, where it returns nil, or the checkpoint is
// lost, where it returns [ErrTaken].
func (p *Checkpoint) Renew(ctx context.Context) (err error) {
	pause.Renew(ctx, nil, p.cfg.LeaseTime/3, func() bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		if saved := p.save(ctx); errors.Is(saved, ErrTaken) {
			err = saved
		}
		return err == nil
	})
	return err
}

// Release ends the lease, so that another process need not wait until it is over.
func (p *Checkpoint) Release(ctx context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.owned(ctx, p.call("drop", p.confirmed))
}

func (p *Checkpoint) call(op string, args ...any) *wire.Call {
	common := []any{p.token, p.cfg.LeaseTime.Milliseconds(), life.Milliseconds(), op}
	return &wire.Call{Script: lua.Checkpoint, Key: p.addr, Args: append(common, args...)}
}

func (p *Checkpoint) run(ctx context.Context, c *wire.Call) error {
	if p.cfg.Life.Closed() {
		return lifecycle.ErrClosed
	}
	return p.cfg.Wire.Run(ctx, c)
}

// owned carries out a call that only the owner may.
func (p *Checkpoint) owned(ctx context.Context, c *wire.Call) error {
	if err := p.run(ctx, c); err != nil {
		return err
	}
	if !c.Did() {
		return ErrTaken
	}
	return nil
}
