// Package node is one process of a rolling deploy: it carries out the orders of the coordinator with the version of aside
// that it is built with. It uses only names that no version may change, and keeps nothing but what aside keeps.
package node

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/jollyjet/aside/cacheable"
	"github.com/jollyjet/aside/session"
	"github.com/jollyjet/aside/store"
	"github.com/redis/go-redis/v9"

	"github.com/jollyjet/aside/bench/rolling/pipe"
)

type node struct {
	cfg      pipe.Config
	conn     *pipe.Conn
	store    *store.Store
	cache    *cacheable.Cacheable[string, pipe.Value]
	many     *cacheable.Many[string, pipe.Value]
	writes   map[string]writer
	sessions *session.Manager[account]
	limits   *limits
}

// Run carries out the orders that come from in until that ends. The config is a [pipe.Config] in JSON.
func Run(config string, in io.Reader, out io.Writer) error {
	n := &node{}
	if err := json.Unmarshal([]byte(config), &n.cfg); err != nil {
		return err
	}
	rdb := redis.NewUniversalClient(&redis.UniversalOptions{Addrs: n.cfg.Redis})
	defer func() { _ = rdb.Close() }()
	slog.SetDefault(slog.New(slog.DiscardHandler)) // not all versions have the options that take a logger
	options := []store.Option{
		store.Namespace(n.cfg.Namespace), store.Timeout(5 * time.Second),
		store.LeaseTime(n.cfg.Lease), store.HoldTime(n.cfg.Hold),
	}
	if n.cfg.Strict {
		options = append(options, store.Strict())
	}
	var err error
	if n.store, err = store.Open(context.Background(), rdb, options...); err != nil {
		return err
	}
	defer func() { _ = n.store.Close() }()
	n.conn = pipe.New(out, n.carryOut)
	n.decorate()
	n.sessions = session.New[account](rdb, session.Namespace(n.cfg.Namespace+"-sessions"), session.Timeout(5*time.Second))
	defer func() { _ = n.sessions.Close() }()
	n.limits = newLimits(rdb, n.cfg.Namespace+"-limits")
	defer n.limits.close()
	n.conn.Run(in)
	return nil
}

func (n *node) carryOut(m pipe.Message) pipe.Message {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	switch m.Do {
	case "get":
		v, info, err := n.cache.GetInfo(ctx, m.Key)
		return answer(pipe.Message{Value: v, Source: info.Source.String()}, err)
	case "getall":
		all, err := n.many.GetAll(ctx, m.Keys)
		return answer(pipe.Message{Values: all}, err)
	case "write":
		write, ok := n.writes[m.Way]
		if !ok {
			return pipe.Failed(fmt.Errorf("no way to evict is called %q", m.Way))
		}
		_, err := write(ctx, m)
		return answer(pipe.Message{}, err)
	case "unreadable":
		stats := n.store.Stats().Caches["cell"]
		return pipe.Message{Number: stats.Schema + stats.Corrupt + stats.Clash}
	case "allow":
		return n.limits.allow(ctx, m.Way, m.Key)
	default:
		return n.session(ctx, m)
	}
}

// answer keeps what m says beside an error: the source of an absence.
func answer(m pipe.Message, err error) pipe.Message {
	if err != nil {
		m.Err = pipe.Failed(err, pipe.ErrAbsent, session.ErrNoSession).Err
	}
	return m
}
