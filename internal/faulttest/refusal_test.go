package faulttest

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/evict"
	"github.com/jollyjet/aside/internal/redistest"
)

// refusal is a way in which a connection is refused in its handshake, or a pipeline by a hook.
type refusal struct {
	name      string
	fromStart bool // it begins before the first connection
	alone     bool // it needs its own server, whose data it loses
	begin     func(t *testing.T, p *place) *refused
}

// refused is a client whose commands are refused from strike to correct.
type refused struct {
	rdb             redis.UniversalClient
	hooks           []redis.Hook
	strike, correct func()
}

func nothing() {}

var refusals = []refusal{
	{name: "wrong password", fromStart: true, begin: func(t *testing.T, p *place) *refused {
		u := p.newUser(t, "right")
		return &refused{rdb: p.client(t, u.as("wrong")), strike: nothing, correct: func() { u.set(t, ">wrong") }}
	}},
	{name: "rotated password", begin: func(t *testing.T, p *place) *refused {
		u := p.newUser(t, "old")
		return &refused{
			rdb: p.client(t, u.as("old")), strike: func() { u.rotate(t, "new") }, correct: func() { u.set(t, ">old") },
		}
	}},
	{name: "no such database", fromStart: true, alone: true, begin: func(t *testing.T, p *place) *refused {
		rdb := p.client(t, func(o *redis.UniversalOptions) { o.DB = 99 })
		return &refused{rdb: rdb, strike: nothing, correct: func() { moreDatabases(t, p) }}
	}},
	{name: "OnConnect fails", begin: func(t *testing.T, p *place) *refused {
		var fails atomic.Bool
		u := p.newUser(t, "secret")
		rdb := p.client(t, u.as("secret"), func(o *redis.UniversalOptions) {
			o.OnConnect = func(ctx context.Context, cn *redis.Conn) error {
				if fails.Load() {
					return cn.Do(ctx, "no-such-command").Err() // an error of Redis, as in the set-up of a connection
				}
				return nil
			}
		})
		return &refused{
			rdb: rdb, strike: func() { fails.Store(true); u.kill(t) }, correct: func() { fails.Store(false) },
		}
	}},
	{name: "a hook fails", begin: func(t *testing.T, p *place) *refused {
		var fails atomic.Bool
		return &refused{
			rdb: p.client(t), hooks: []redis.Hook{failing(&fails)},
			strike: func() { fails.Store(true) }, correct: func() { fails.Store(false) },
		}
	}},
}

// TestRefused runs the checks for each refusal, on one node and on a Cluster.
func TestRefused(t *testing.T) {
	onBoth(t, func(t *testing.T, shared *place) {
		for _, of := range refusals {
			if of.alone && len(shared.servers) > 1 {
				continue // a Cluster has one database
			}
			for _, check := range refusedChecks {
				t.Run(of.name+"/"+check.name, func(t *testing.T) {
					p := shared
					if of.alone {
						p = single(t)
					}
					check.run(t, p, of)
				})
			}
		}
	})
}

var refusedChecks = []struct {
	name string
	run  func(t *testing.T, p *place, of refusal)
}{
	{"eviction", refusedEviction},
	{"evictions that share pipelines", refusedEvictions},
	{"write After", func(t *testing.T, p *place, of refusal) { refusedWrite(t, p, of, evict.AfterErr[int]) }},
	{"write Around", func(t *testing.T, p *place, of refusal) { refusedWrite(t, p, of, evict.AroundErr[int]) }},
	{"read", refusedRead},
	{"sessions", refusedSession},
	{"logouts that share pipelines", refusedLogouts},
	{"limiters", refusedLimiters},
}

// moreDatabases restarts the server with a hundred of them.
func moreDatabases(t *testing.T, p *place) {
	t.Helper()
	for _, s := range p.servers {
		configure(t, s, "databases 100")
		s.Restart()
	}
}

// configure adds a line to the configuration that a server starts with.
func configure(t *testing.T, s *redistest.Server, line string) {
	t.Helper()
	conf, err := os.OpenFile(filepath.Join(s.Dir(), "redis.conf"), os.O_APPEND|os.O_WRONLY, 0)
	require.NoError(t, err)
	_, err = conf.WriteString("\n" + line + "\n")
	require.NoError(t, errors.Join(err, conf.Close()))
}

var errHook = errors.New("the hook failed")

// failing returns a hook that lets nothing through while now is set. Like the client itself when a connection is refused, it
// does not put its error on the commands.
func failing(now *atomic.Bool) redis.Hook {
	return redistest.Hook(func(_ context.Context, _ []redis.Cmder, send func() error) error {
		if now.Load() {
			return errHook
		}
		return send()
	})
}
