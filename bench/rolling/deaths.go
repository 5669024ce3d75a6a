package main

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// replaceLoader kills a while it loads; b, who waits for that load, takes over when the lease is over.
func replaceLoader(ctx context.Context, t *truth, a, b *worker) (string, error) {
	const key = "orphan"
	began := t.hang(a.name, key)
	gone := make(chan error, 1)
	go func() {
		_, err := a.get(ctx, key)
		gone <- err
	}()
	if err := wait(ctx, began); err != nil {
		return "", err
	}
	waiting := make(chan error, 1)
	go func() { waiting <- b.expect(ctx, key, 0, "miss", b) }()
	time.Sleep(leaseTime / 2) // the lease is kept meanwhile, and nobody else loads
	if n := t.loaded(key); n != 1 {
		return "", fmt.Errorf("%d loads while one is under way", n)
	}
	a.kill()
	died := time.Now()
	if err := <-gone; err == nil {
		return "", errors.New("the load that hangs has ended")
	}
	if err := <-waiting; err != nil {
		return "", err
	}
	took := time.Since(died)
	if n := t.loaded(key); n != 2 || took > 3*leaseTime {
		return "", fmt.Errorf("%d loads, the last one after %v", n, took)
	}
	return fmt.Sprintf("loaded again after %v, the lease is %v", took.Round(time.Millisecond), leaseTime), nil
}

// outliveWriter kills a after its write and before its eviction.
func outliveWriter(ctx context.Context, t *truth, a, b *worker) (string, error) {
	const key = "held"
	if err := b.expect(ctx, key, 0, "miss", b); err != nil {
		return "", err
	}
	began := t.hang(a.name, key)
	gone := make(chan error, 1)
	go func() { gone <- a.write(ctx, "around", key, 1) }()
	if err := wait(ctx, began); err != nil {
		return "", err
	}
	if err := b.expect(ctx, key, 1, "bypass", b); err != nil {
		return "", fmt.Errorf("during the write: %w", err)
	}
	a.kill()
	died := time.Now()
	if err := <-gone; err == nil {
		return "", errors.New("the write that hangs has ended")
	}
	for {
		m, err := b.get(ctx, key)
		if err != nil {
			return "", err
		}
		if m.Value.Version != 1 {
			return "", fmt.Errorf("version %d is read after 1 was written", m.Value.Version)
		}
		if took := time.Since(died); m.Source == "hit" {
			return fmt.Sprintf("cached again after %v, the hold is %v", took.Round(time.Millisecond), holdTime), nil
		} else if took > 3*holdTime {
			return "", fmt.Errorf("not cached after %v", took)
		}
		time.Sleep(time.Millisecond)
	}
}

func wait(ctx context.Context, began <-chan struct{}) error {
	select {
	case <-began:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
