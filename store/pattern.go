package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/jollyjet/aside/internal/redisx"
)

// scanBatch is how many keys a master is asked to look at in one step.
const scanBatch = 1000

// EvictMatching evicts the entries whose "name:key" matches the glob, by walking every master. It calls progress, if
// not nil, with the number of entries evicted so far. See evict.ByPattern.
func (s *Store) EvictMatching(ctx context.Context, glob string, progress func(int64)) (int64, error) {
	if s.life.closed.Load() {
		return 0, ErrClosed
	}
	ctx, tracing := s.trace(ctx, TraceStart{Operation: OperationEvict, Kind: kindPattern.String()})
	w := &walk{st: s, match: literal(s.cfg.namespace) + ":{" + glob + "}", progress: progress}
	err := worse(w.unreplicated, s.rdb.EachMaster(ctx, w.master))
	if ctx.Err() == nil && err != nil && !errors.Is(err, ErrUnavailable) && !errors.Is(err, ErrUnreplicated) {
		err = unavailable(err)
	}
	tracing.End(err)
	return w.evicted, err
}

// literal escapes what a glob would take for a wildcard.
func literal(s string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`, `]`, `\]`).Replace(s)
}

type walk struct {
	st       *Store
	match    string
	progress func(int64)

	mu           sync.Mutex
	evicted      int64
	unreplicated error
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
			return fmt.Errorf("%w: SCAN: %w", ErrUnavailable, err)
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
		if isEntryKey(w.st.cfg.namespace, addr) {
			keys = append(keys, Key{addr: addr})
		}
	}
	w.st.stats.evictions[kindPattern].Add(int64(len(keys)))
	ctx, done := redisx.Linger(ctx)
	defer done()
	err := w.st.evict(ctx, keys)
	w.mu.Lock()
	defer w.mu.Unlock()
	if errors.Is(err, ErrUnreplicated) {
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
