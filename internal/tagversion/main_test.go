package tagversion

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/jollyjet/aside/internal/envelope"
	"github.com/jollyjet/aside/internal/keyspace"
	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/internal/redisx"
	"github.com/jollyjet/aside/internal/tracking"
	"github.com/jollyjet/aside/internal/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var errLost = errors.New("lost")

// untracked is the configuration of versions without Redis: nothing is tracked, and nothing can be asked for.
func untracked() Config {
	return Config{Keys: keyspace.New("n"), Tracker: tracking.New(tracking.Config{}), Trust: time.Hour}
}

// over returns a wire over a client, which it closes at the end of the test.
func over(t testing.TB, rdb redis.UniversalClient, hooks ...redis.Hook) *wire.Wire {
	t.Helper()
	client, err := redisx.Own(rdb, redisx.Limits{Timeout: 5 * time.Second, Hooks: hooks})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, client.Close()) })
	return wire.New(client, wire.Config{})
}

func mini(t testing.TB) *redis.Client {
	t.Helper()
	rdb := redis.NewClient(&redis.Options{Addr: redistest.Mini(t).Addr()})
	t.Cleanup(func() { require.NoError(t, rdb.Close()) })
	return rdb
}

// number returns a version's number; the same n gives the same.
func number(n byte) envelope.Version { return envelope.Version{n, 7: 1} }

func numbered(n byte) State { return State{Number: number(n)} }

// know makes a version known.
func (v *Versions) know(one *Version, state State) { one.reading(&v.cfg)(state) }

// replies gives a call its reply.
func replies(c *wire.Call, value any, err error) {
	c.Reply = redis.NewCmd(context.Background())
	if err != nil {
		c.Reply.SetErr(err)
	} else {
		c.Reply.SetVal(value)
	}
}

// record is what stands under the key of a version in some state.
func record(s State) string {
	switch {
	case s.Held:
		return hold
	case s.None():
		return "nothing of ours"
	default:
		return string(envelope.NewTagVersion(s.Number))
	}
}

// hold is the hold of one writer.
var hold = string(envelope.HoldPrefix()) + "C" + "0123456789abcdef" + "99999999999999"
