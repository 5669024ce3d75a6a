package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/jollyjet/aside/bench/rolling/pipe"
)

// session gives a worker an order about the session of a token.
func (w *worker) session(ctx context.Context, do, token, user string) (pipe.Message, error) {
	return w.conn.Call(ctx, pipe.Message{Do: "session: " + do, Key: token, User: user})
}

// shareSessions has a log in and change a session, b read and change it, and each of them end one.
func shareSessions(ctx context.Context, _ *truth, a, b *worker) (string, error) {
	for _, end := range []string{"destroy", "destroy all"} {
		login, err := a.session(ctx, "login", "", "anna")
		if err != nil {
			return "", err
		}
		token := login.Key
		for i, w := range []*worker{a, b, a} {
			if _, err := w.session(ctx, "visit", token, ""); err != nil {
				return "", err
			}
			for _, reader := range []*worker{a, b} {
				if m, err := reader.session(ctx, "get", token, ""); err != nil || m.Number != int64(i+1) || m.Value.Filler != w.name {
					return "", errors.Join(fmt.Errorf("%s reads %d visits, the last of %q", reader.name, m.Number, m.Value.Filler), err)
				}
			}
		}
		if _, err := b.session(ctx, end, token, "anna"); err != nil {
			return "", err
		}
		for _, w := range []*worker{a, b} {
			_, read := w.session(ctx, "get", token, "")
			if !errors.Is(read, pipe.ErrAbsent) {
				return "", errors.Join(fmt.Errorf("%s reads a session after %s", w.name, end), read)
			}
		}
	}
	return "read, changed and ended by both", nil
}

// shareChanges has both change one session at the same time.
func shareChanges(ctx context.Context, _ *truth, a, b *worker) (string, error) {
	const each = 100
	login, err := a.session(ctx, "login", "", "berta")
	if err != nil {
		return "", err
	}
	var all errgroup.Group
	for _, w := range []*worker{a, a, b, b} {
		all.Go(func() error {
			for range each / 2 {
				if _, err := w.session(ctx, "visit", login.Key, ""); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := all.Wait(); err != nil {
		return "", err
	}
	m, err := b.session(ctx, "get", login.Key, "")
	if err != nil || m.Number != 2*each {
		return "", errors.Join(fmt.Errorf("%d of %d changes are there", m.Number, 2*each), err)
	}
	return fmt.Sprintf("%d changes of each, none lost", each), nil
}

// shareLimits has both use up one limit, of each kind. Windows are so long that none ends meanwhile. Where a version has
// changed what the stored numbers mean, it keeps them apart, and each counts for itself: all of the limit twice, or all of it
// once, but nothing in between.
func shareLimits(ctx context.Context, _ *truth, a, b *worker) (string, error) {
	const limit = 20
	policies := []string{"sliding 20/8000h", "exact 20/8000h", "strict 20/8000h buckets=10", "bucket 1/24h burst=20", "fixed 20/8000h", "concurrency 20 lease=1h"}
	for i, policy := range policies {
		var allowed atomic.Int64
		var all errgroup.Group
		for _, w := range []*worker{a, b} {
			for range limit {
				all.Go(func() error {
					m, err := w.conn.Call(ctx, pipe.Message{Do: "allow", Way: policy, Key: "carl"})
					allowed.Add(m.Number)
					return err
				})
			}
		}
		if err := all.Wait(); err != nil {
			return "", err
		}
		switch n := allowed.Load(); {
		case n == limit:
		case n == 2*limit && apart[policy] && a.cmd.Path != b.cmd.Path:
			policies[i] += " (apart)"
		default:
			return "", fmt.Errorf("%s allows %d", policy, n)
		}
	}
	return fmt.Sprintf("%d of %d allowed by each of: %s", limit, 2*limit, strings.Join(policies, ", ")), nil
}

// apart are the policies whose state has had another name, before states were named by what their numbers mean.
var apart = map[string]bool{
	"sliding 20/8000h": true, "bucket 1/24h burst=20": true, "concurrency 20 lease=1h": true,
}
