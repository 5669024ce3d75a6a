package evict_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/cacheable"
	"github.com/jollyjet/aside/evict"
	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/store"
)

// slowNetwork keeps scripts on one key. Their senders give up; arrive carries them out.
type slowNetwork struct {
	mu   sync.Mutex
	key  string // empty: the network is well
	late [][]any
}

func (n *slowNetwork) set(key string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.key = key
}

func (n *slowNetwork) hook() redistest.Hook {
	return func(_ context.Context, cmds []redis.Cmder, send func() error) error {
		n.mu.Lock()
		slow := n.key != "" && strings.HasPrefix(cmds[0].Name(), "eval") && cmds[0].Args()[3] == n.key
		n.mu.Unlock()
		if !slow {
			return send()
		}
		n.mu.Lock()
		defer n.mu.Unlock()
		err := errors.New("i/o timeout")
		for _, cmd := range cmds {
			n.late = append(n.late, cmd.Args())
			cmd.SetErr(err)
		}
		return err
	}
}

func (n *slowNetwork) arrive(t *testing.T, rdb redis.UniversalClient) {
	t.Helper()
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, args := range n.late {
		script := redis.NewCmd(t.Context(), args...)
		script.SetFirstKeyPos(3)
		require.NoError(t, rdb.Process(t.Context(), script))
	}
	n.late = nil
}

// Place and end of one writer are sent, not answered, and carried out when another writer has come and gone: what the first
// one wrote is older, and is not stored.
func TestAHoldThatMayNotHaveStoodIsNotReplaced(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		namespace, src, slow := redistest.Unique(t), &table{}, &slowNetwork{}
		far := join(t, rdb, namespace, store.Hooks(slow.hook()))
		a, b := cacheable.New(far, "c", src.load), cacheable.New(join(t, rdb, namespace), "c", src.load)
		write := evict.Around(src.write, evict.Replace(a, pair))
		_, err := write(t.Context(), change{"k", 1}) // Redis learns the scripts
		require.NoError(t, err)
		slow.set(a.EntryKey("k").String())
		_, err = write(t.Context(), change{"k", 2})
		require.NoError(t, err)
		slow.set("")
		eventually(t, "the queued eviction", func() bool { return far.Stats().Pending == 0 })
		_, err = evict.After(src.write, evict.Key(b, keyOf))(t.Context(), change{"k", 3})
		require.NoError(t, err)
		slow.arrive(t, rdb)
		reads(t, 3, "k", a, b)
	})
}

// A renewal that is carried out when the write is over does not cut short the hold that HoldFor leaves.
func TestALateRenewalDoesNotCutTheHoldShort(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		slow := &slowNetwork{}
		st := open(t, rdb, store.Hooks(slow.hook()))
		c := cacheable.New(st, "c", (&table{}).load)
		hold, err := st.Engine().Evictor.Hold(t.Context(), c.EntryKey("k"))
		require.NoError(t, err)
		slow.set(c.EntryKey("k").String())
		require.Error(t, hold.RenewOnce(t.Context()))
		slow.set("")
		require.NoError(t, hold.End(t.Context(), time.Hour))
		left := rdb.PTTL(t.Context(), c.EntryKey("k").String()).Val()
		require.Greater(t, left, 59*time.Minute)
		slow.arrive(t, rdb)
		require.Greater(t, rdb.PTTL(t.Context(), c.EntryKey("k").String()).Val(), 59*time.Minute)
	})
}
