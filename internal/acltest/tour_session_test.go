package acltest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/session"
)

type manager = session.Manager[int]

// sessions tours package session.
func sessions(t *testing.T, v *visitor) []step {
	t.Helper()
	open := func(options ...session.Option) *manager {
		m := session.New[int](v.rdb, append([]session.Option{
			session.Namespace(v.namespace), session.Hooks(v.sent.Hook()),
			session.Logger(v.lines.Logger()), session.Timeout(patience),
		}, options...)...)
		t.Cleanup(func() { require.NoError(t, m.Close()) })
		return m
	}
	m, brief := open(session.MaxPerUser(3, session.EvictOldest)), open(session.Idle(time.Second))
	return append([]step{
		{"one without a user", func(ctx context.Context) error { return anonymous(ctx, m) }},
		{"those of a user", func(ctx context.Context) error { return ofAUser(ctx, m) }},
		{"one in use", func(ctx context.Context) error { return inUse(ctx, brief) }},
		{"sweep", func(ctx context.Context) error {
			_, err := m.Sweep(ctx)
			return err
		}},
		{"janitor", func(ctx context.Context) error { return janitor(ctx, m, v) }},
		{"end all", func(ctx context.Context) error {
			if _, err := begin(ctx, m, "bob"); err != nil {
				return err
			}
			n, err := m.DestroyEveryone(ctx)
			return is("some are ended", n > 0, true, err)
		}},
	}, v.probing(t, func(ctx context.Context) { _, _ = m.List(ctx, "ann") })...)
}

func begin(ctx context.Context, m *manager, user string) (context.Context, error) {
	ctx = m.Attach(ctx, "")
	return ctx, m.Login(ctx, user)
}

func anonymous(ctx context.Context, m *manager) error {
	one := m.Attach(ctx, "")
	if err := m.Create(one, 1); err != nil {
		return err
	}
	if err := m.Update(one, func(n *int) error { *n++; return nil }); err != nil {
		return err
	}
	if err := errors.Join(m.Renew(one), m.Flash(one, "info", "hello")); err != nil {
		return err
	}
	token, err := m.Token(one)
	if err != nil {
		return err
	}
	n, err := m.Get(m.Attach(ctx, token))
	if err := is("data", n, 2, err); err != nil {
		return err
	}
	if err := m.Login(one, "eve"); err != nil { // it takes over the data
		return err
	}
	return m.Destroy(one)
}

// ofAUser begins one session more than a user may have, and ends them in every way.
func ofAUser(ctx context.Context, m *manager) error {
	var last context.Context
	for range 4 {
		one, err := begin(ctx, m, "ann")
		if err != nil {
			return err
		}
		last = one
	}
	list, err := m.List(ctx, "ann")
	if err := is("sessions", len(list), 3, err); err != nil {
		return err
	}
	info, err := m.Info(last)
	if err != nil {
		return err
	}
	other := slices.IndexFunc(list, func(i session.Info) bool { return i.Handle != info.Handle })
	if err := errors.Join(m.DestroyOne(ctx, "ann", list[other].Handle), m.DestroyOthers(last)); err != nil {
		return err
	}
	list, err = m.List(ctx, "ann")
	if err := is("sessions that are left", len(list), 1, err); err != nil {
		return err
	}
	if err := m.DestroyAll(ctx, "ann"); err != nil {
		return err
	}
	if _, err := m.Get(m.Attach(ctx, "")); !errors.Is(err, session.ErrNoSession) {
		return fmt.Errorf("after the end: %w", err)
	}
	return nil
}

// inUse uses a session until it is prolonged.
func inUse(ctx context.Context, m *manager) error {
	one, err := begin(ctx, m, "dan")
	if err != nil {
		return err
	}
	token, err := m.Token(one)
	if err != nil {
		return err
	}
	return until(ctx, "a session is prolonged", func() bool {
		_, err := m.Get(m.Attach(ctx, token))
		return err != nil || m.Stats().Slides > 0
	})
}

// janitor runs a janitor until it has swept.
// ended drops the error of a context that was cancelled.
func ended(err error) error {
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

func janitor(ctx context.Context, m *manager, v *visitor) error {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- m.Janitor(ctx, time.Minute) }()
	err := until(ctx, "the janitor has swept", func() bool { return v.sent.Count("pexpire") > 0 })
	cancel()
	return errors.Join(err, ended(<-done))
}
