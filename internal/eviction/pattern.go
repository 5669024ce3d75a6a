package eviction

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/jollyjet/aside/internal/keyspace"
	"github.com/jollyjet/aside/internal/lifecycle"
	"github.com/jollyjet/aside/internal/redisx"
	"github.com/jollyjet/aside/internal/wire"
)

// scanBatch is how many keys a master is asked to look at in one step.
const scanBatch = 1000

// Matching evicts the entries whose "name:key" matches the glob, by walking every master. It calls progress, if not nil,
// with the number of entries evicted so far. See evict.ByPattern.
func (e *Evictor) Matching(ctx context.Context, glob string, progress func(int64)) (int64, error) {
	if e.cfg.Life.Closed() {
		return 0, lifecycle.ErrClosed
	}
	ctx, span := e.trace(ctx, kindNames[kindPattern], 0)
	w := &walk{evictor: e, match: keyspace.Literal(e.cfg.Keys.Namespace()) + ":{" + glob + "}", progress: progress}
	err := e.cfg.Wire.Client().EachMaster(ctx, w.master)
	err = wire.FirstError(w.unreplicated, err)
	if ctx.Err() == nil && err != nil && !errors.Is(err, wire.ErrUnavailable) && !errors.Is(err, wire.ErrUnreplicated) {
		err = wire.Unavailable(err)
	}
	span.End(err)
	return w.evicted, err
}

type walk struct {
	evictor  *Evictor
	match    string
	progress func(int64)

	mu           sync.Mutex
	evicted      int64 // under mu
	unreplicated error // under mu
}

// master walks one master. Masters are walked at the same time.
func (w *walk) master(ctx context.Context, node *redisx.Node) error {
	var at redisx.Page
	for {
		page, err := node.Scan(ctx, at.Next, w.match, scanBatch, at.Run)
		if err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return fmt.Errorf("%w: SCAN: %w", wire.ErrUnavailable, err)
		}
		if err := w.evict(ctx, page.Keys); err != nil {
			return err
		}
		if at = page; at.Next == 0 {
			return nil
		}
	}
}

func (w *walk) evict(ctx context.Context, addrs []string) error {
	var keys []Key
	for _, addr := range addrs {
		if w.evictor.cfg.Keys.IsEntry(addr) {
			keys = append(keys, keyspace.At(addr))
		}
	}
	w.evictor.counts[kindPattern].Add(int64(len(keys)))
	ctx, done := redisx.Linger(ctx)
	defer done()
	err := w.evictor.evict(ctx, keys)
	w.mu.Lock()
	defer w.mu.Unlock()
	if errors.Is(err, wire.ErrUnreplicated) {
		w.unreplicated, err = err, nil
	}
	if err == nil {
		w.evicted += int64(len(keys))
		if w.progress != nil {
			w.progress(w.evicted)
		}
	}
	return err
}
