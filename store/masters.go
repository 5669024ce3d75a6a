package store

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/jollyjet/aside/internal/pause"
	"github.com/jollyjet/aside/internal/redisx"
)

// watchMasters finds the masters about each second, asks each how it is, and tells the rooms which depend on it, until the
// store closes.
func (s *Store) watchMasters(ctx context.Context) {
	for {
		if masters, err := s.masters(ctx); err == nil {
			s.tracker.Follow(ctx, masters)
		} else {
			s.tracker.Tried()
		}
		if !pause.For(ctx, s.cfg.lookAround/2+rand.N(s.cfg.lookAround)) {
			return
		}
	}
}

// masters returns the masters of now, by address, and asks each how it is.
func (s *Store) masters(ctx context.Context) (map[string]*redisx.Node, error) {
	start := time.Now()
	all, err := s.client.Masters(ctx)
	if err != nil {
		return nil, err
	}
	masters := make(map[string]*redisx.Node)
	for _, node := range all {
		masters[node.Addr()] = node
	}
	unwell := errors.Join(redisx.Each(all, func(node *redisx.Node) error { return s.askTime(ctx, node) })...)
	s.client.DoubtOthers(all)
	s.breakers.SetMasters(masters)
	if unwell == nil {
		s.detector.Reviewed(start)
		s.outbox.Reviewed(start)
	}
	return masters, nil
}

// askTime asks a master for the time, and in the same round trip whom its address leads to.
func (s *Store) askTime(ctx context.Context, node *redisx.Node) error {
	now := redis.NewTimeCmd(ctx, "time")
	sent, err := node.Probe(ctx, &redisx.TimeCmd{TimeCmd: now})
	if err != nil {
		return err
	}
	s.wire.Clock.Learn(now.Val().UnixMicro(), sent)
	return nil
}
