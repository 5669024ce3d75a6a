package store

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/jollyjet/aside/internal/envelope"
)

// ErrTaken says that a [Bookmark] belongs to another process, or that Redis has forgotten something of it that it had
// confirmed, and so maybe evictions too: it was started again from older data, or a failover has lost the last writes.
var ErrTaken = errors.New("store: the bookmark is another process's, or older than what was saved")

// bookmarkLife is how long a bookmark is kept after its last consumer has ended.
const bookmarkLife = 30 * 24 * time.Hour

// Bookmark is how far the consumer of a stream of changes has come. It is kept in Redis, and one process at a time owns
// it; who owns it no longer can't change it. Its methods may be called from several goroutines.
type Bookmark struct {
	st          *Store
	addr, token string

	mu              sync.Mutex // held while a command is under way
	at              string
	sent, confirmed int64 // steps
}

// bookmarkKey is outside of what the feed tells of: no node has anything cached that depends on it.
func bookmarkKey(namespace, name string) string {
	return textKey(namespace+":#bookmark:{", joinParts([]string{name})).addr
}

// TakeBookmark takes the bookmark called name if no other process owns it. The lease lasts for [LeaseTime] and is renewed
// by [Bookmark.Keep]. The error is [ErrTaken] while somebody else owns it, [ErrClosed], or wraps [ErrUnavailable]; after
// the last the bookmark may be taken all the same, until the lease ends.
func (s *Store) TakeBookmark(ctx context.Context, name string) (*Bookmark, error) {
	token := envelope.NewToken()
	b := &Bookmark{st: s, addr: bookmarkKey(s.cfg.namespace, name), token: string(token[:])}
	take := b.call("take")
	if err := b.run(ctx, take); err != nil {
		return nil, err
	}
	reply, err := take.Reply.Slice()
	if err != nil || len(reply) != 2 {
		return nil, unavailable(errors.Join(errors.New("unexpected answer to a script"), err))
	}
	if reply[0] != int64(1) {
		return nil, ErrTaken
	}
	b.at = text(reply[1])
	return b, nil
}

// At is the position: what was last given to Save, by this owner or one before it. It is empty if there is none.
func (b *Bookmark) At() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.at
}

// Save sets the position and renews the lease. If the error wraps [ErrUnavailable] Keep saves it later; [ErrTaken] is
// final.
func (b *Bookmark) Save(ctx context.Context, at string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.at = at
	return b.save(ctx)
}

func (b *Bookmark) save(ctx context.Context) error {
	b.sent++
	if err := b.owned(ctx, b.call("save", b.confirmed, b.sent, b.at)); err != nil {
		return err
	}
	b.confirmed = b.sent
	return nil
}

// Keep renews the lease, and saves what could not be saved, until ctx ends, where it returns nil, or the bookmark is lost,
// where it returns [ErrTaken].
func (b *Bookmark) Keep(ctx context.Context) error {
	tick := time.NewTicker(b.st.cfg.lease / 3)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		b.mu.Lock()
		err := b.save(ctx)
		b.mu.Unlock()
		if errors.Is(err, ErrTaken) {
			return err
		}
	}
}

// Release ends the lease, so that another process need not wait until it is over.
func (b *Bookmark) Release(ctx context.Context) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.owned(ctx, b.call("drop", b.confirmed))
}

func (b *Bookmark) call(op string, args ...any) *call {
	common := []any{b.token, b.st.cfg.lease.Milliseconds(), bookmarkLife.Milliseconds(), op}
	return &call{Script: bookmarkScript, Key: b.addr, Args: append(common, args...)}
}

func (b *Bookmark) run(ctx context.Context, c *call) error {
	if b.st.life.closed.Load() {
		return ErrClosed
	}
	return b.st.run(ctx, c)
}

// owned carries out a call that only the owner may.
func (b *Bookmark) owned(ctx context.Context, c *call) error {
	if err := b.run(ctx, c); err != nil {
		return err
	}
	if !c.Did() {
		return ErrTaken
	}
	return nil
}
