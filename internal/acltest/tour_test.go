package acltest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/jollyjet/aside/internal/redistest"
)

// step is a use of a package. It returns an error if a result is wrong.
type step struct {
	name string
	do   func(ctx context.Context) error
}

// visitor tours a package, as one user.
type visitor struct {
	place      *place
	rdb, admin redis.UniversalClient
	namespace  string
	lines      *redistest.Log      // warnings and errors
	sent       *redistest.Commands // that the clients have sent
	silent     bool                // nothing is logged about what the user lacks
	pinged     func() bool         // whether a client has probed its address; nil: whether the server was pinged
}

func (p *place) visitor(t *testing.T, r rule, namespace string) *visitor {
	t.Helper()
	return &visitor{place: p, rdb: p.client(t, r), admin: p.admin(t), namespace: namespace, lines: redistest.NewLog(slog.LevelWarn), sent: &redistest.Commands{}}
}

const patience = 5 * time.Second

// until waits for something.
func until(ctx context.Context, what string, done func() bool) error {
	return redistest.Until(ctx, patience, what, done)
}

// probing is a step that uses a client until it probes where its address leads, which it does every second except in a
// Cluster.
func (v *visitor) probing(t *testing.T, use func(ctx context.Context)) []step {
	t.Helper()
	if v.place.cluster != nil {
		return nil
	}
	return []step{{"probe where the address leads", func(ctx context.Context) error {
		before, pinged := v.place.calls(t, "ping"), v.pinged
		if pinged == nil {
			pinged = func() bool { return v.place.calls(t, "ping") != before }
		}
		return until(ctx, "ping", func() bool { use(ctx); return pinged() })
	}}}
}

func is[T comparable](what string, got, want T, err error) error {
	if err != nil || got != want {
		return errors.Join(fmt.Errorf("%s: %v and not %v", what, got, want), err)
	}
	return nil
}
