package faulttest

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/internal/redistest"
)

// place is a Redis: one node or a Cluster. Tests that share one have users of their own.
type place struct {
	name    string
	servers []*redistest.Server // all nodes
}

func single(t *testing.T, config ...string) *place {
	t.Helper()
	return &place{"single", []*redistest.Server{redistest.Start(t, config...)}}
}

func cluster(t *testing.T) *place {
	t.Helper()
	return &place{"cluster", redistest.StartCluster(t).Nodes()}
}

// onBoth runs a test on one node and on a Cluster.
func onBoth(t *testing.T, test func(t *testing.T, p *place)) {
	t.Run("single", func(t *testing.T) { test(t, single(t)) })
	t.Run("cluster", func(t *testing.T) { test(t, cluster(t)) })
}

// client returns a client for the place, by default of the user who may do everything.
func (p *place) client(t *testing.T, change ...func(*redis.UniversalOptions)) redis.UniversalClient {
	t.Helper()
	o := &redis.UniversalOptions{IsClusterMode: len(p.servers) > 1}
	for _, s := range p.servers {
		o.Addrs = append(o.Addrs, s.Addr())
	}
	for _, f := range change {
		f(o)
	}
	rdb := redis.NewUniversalClient(o)
	t.Cleanup(func() { require.NoError(t, rdb.Close()) })
	return rdb
}

// do runs a command on every node.
func (p *place) do(t *testing.T, args ...any) {
	t.Helper()
	for _, s := range p.servers {
		_, err := s.Do(context.Background(), args...)
		require.NoError(t, err, "%v", args)
	}
}

var users atomic.Int64

// user is a user of a place.
type user struct {
	place *place
	name  string
}

// newUser creates a user with a password, who may do everything that the rules do not take away.
func (p *place) newUser(t *testing.T, password string, rules ...any) *user {
	t.Helper()
	u := &user{p, fmt.Sprintf("app%d", users.Add(1))}
	u.set(t, append([]any{"on", ">" + password, "~*", "&*", "+@all"}, rules...)...)
	return u
}

// set changes what the user may do.
func (u *user) set(t *testing.T, rules ...any) {
	t.Helper()
	u.place.do(t, append([]any{"ACL", "SETUSER", u.name}, rules...)...)
}

// rotate gives the user another password, and ends the connections that were made with the old one.
func (u *user) rotate(t *testing.T, password string) {
	t.Helper()
	u.set(t, "resetpass", ">"+password)
	u.kill(t)
}

func (u *user) kill(t *testing.T) {
	t.Helper()
	u.place.do(t, "CLIENT", "KILL", "USER", u.name)
}

// as logs in as the user.
func (u *user) as(password string) func(*redis.UniversalOptions) {
	return func(o *redis.UniversalOptions) { o.Username, o.Password = u.name, password }
}
