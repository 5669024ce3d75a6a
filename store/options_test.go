package store_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/store"
)

// panicText returns what f panics with, as text.
func panicText(t *testing.T, f func()) (text string) {
	t.Helper()
	defer func() {
		value := recover()
		require.NotNil(t, value, "it must panic")
		text = fmt.Sprint(value)
	}()
	f()
	return ""
}

// A mistake in a program is found where it is made, and the text says what to do instead.
func TestMisuseIsExplained(t *testing.T) {
	st := open(t, unreachable(t))
	for _, tt := range []struct {
		name string
		do   func()
		want []string
	}{
		{"no client", func() { _, _ = store.Open(t.Context(), nil) }, []string{"store: Open", "client is nil", "redis.NewUniversalClient"}},
		{"nil client", func() { _, _ = store.Open(t.Context(), (*redis.Client)(nil)) }, []string{"store: Open", "client is nil"}},
		{"nil cluster client", func() { _, _ = store.Open(t.Context(), (*redis.ClusterClient)(nil)) }, []string{"store: Open", "client is nil"}},
		{"nil option", func() { _, _ = store.Open(t.Context(), unreachable(t), store.Strict(), nil) }, []string{"store: Open", "option 2 is nil"}},
		{"empty namespace", func() { store.Namespace("") }, []string{`store: Namespace("")`, "letters, digits"}},
		{"namespace with a colon", func() { store.Namespace("a:b") }, []string{`"a:b"`, "letters, digits"}},
		{"namespace with braces", func() { store.Namespace("{a}") }, []string{`"{a}"`}},
		{"namespace with a blank", func() { store.Namespace("a b") }, []string{`"a b"`}},
		{"namespace with a newline", func() { store.Namespace("a\n") }, []string{`"a\n"`}},
		{"namespace that begins with #", func() { store.Namespace("#a") }, []string{"the first a letter or digit"}},
		{"long namespace", func() { store.Namespace(strings.Repeat("a", 101)) }, []string{"up to 100"}},
		{"no logger", func() { store.Logger(nil) }, []string{"store: Logger(nil)", "slog.DiscardHandler"}},
		{"no timeout", func() { store.Timeout(0) }, []string{"store: Timeout(0s)", "use 1ms or more"}},
		{"negative timeout", func() { store.Timeout(-time.Second) }, []string{"store: Timeout(-1s)"}},
		{"a number as timeout", func() { store.Timeout(500) }, []string{"store: Timeout(500ns)", "1ms"}},
		{"short lease", func() { store.LeaseTime(29 * time.Millisecond) }, []string{"store: LeaseTime(29ms)", "30ms"}},
		{"short hold", func() { store.HoldTime(0) }, []string{"store: HoldTime(0s)", "30ms"}},
		{"no drain time", func() { store.DrainTime(0) }, []string{"store: DrainTime(0s)"}},
		{"no queue", func() { store.QueueLimit(0) }, []string{"store: QueueLimit(0)", "1 or more"}},
		{"no queue age", func() { store.QueueAge(0) }, []string{"store: QueueAge(0s)", "1ms"}},
		{"nothing remembered", func() { store.Remember(-time.Second) }, []string{"store: Remember(-1s)", "1ms"}},
		{"no replica to wait for", func() { store.WaitForReplicas(0, time.Second) }, []string{"store: WaitForReplicas(0, 1s)", "leave the option out"}},
		{"no time to wait for replicas", func() { store.WaitForReplicas(1, 0) }, []string{"store: WaitForReplicas(0s)", "1ms"}},
		{"journal without a name", func() { store.Journal("") }, []string{"store: Journal", "name a file"}},
		{"no failures", func() { store.BreakAfter(0) }, []string{"store: BreakAfter(0)", "1 or more"}},
		{"nil hook", func() { store.Hooks(redistest.Hook(nil), nil) }, []string{"store: Hooks", "hook 2 is nil"}},
		{"empty cache name", func() { st.Engine().Entries.Cache("", schema, ttl) }, []string{`cache name ""`, "letters, digits"}},
		{"cache name with a colon", func() { st.Engine().Entries.Cache("a:b", schema, ttl) }, []string{`cache name "a:b"`}},
		{"cache name with a brace", func() { st.Engine().Entries.Cache("a}", schema, ttl) }, []string{`cache name "a}"`}},
		{"cache name like a version", func() { st.Engine().Entries.Cache("#tag", schema, ttl) }, []string{"the first a letter or digit"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			text := panicText(t, tt.do)
			for _, want := range tt.want {
				require.Contains(t, text, want)
			}
		})
	}
}

func TestLeastValuesAreAccepted(t *testing.T) {
	open(t, unreachable(t), store.Namespace(strings.Repeat("A", 99)+"9"), store.Timeout(time.Millisecond),
		store.LeaseTime(30*time.Millisecond), store.HoldTime(30*time.Millisecond), store.DrainTime(time.Millisecond),
		store.QueueLimit(1), store.QueueAge(time.Millisecond), store.Remember(time.Millisecond),
		store.WaitForReplicas(1, time.Millisecond), store.Distrust(), store.BreakAfter(1), store.Hooks(), store.Strict(), store.AllowReplicaReads())
}

// A client that can't be used is refused with an error that says what to change.
func TestUnsuitableClientIsRefused(t *testing.T) {
	cluster := func(change func(*redis.ClusterOptions)) redis.UniversalClient {
		o := &redis.ClusterOptions{Addrs: []string{"127.0.0.1:1"}}
		change(o)
		return redis.NewClusterClient(o)
	}
	for _, tt := range []struct {
		name string
		rdb  redis.UniversalClient
		want []string
	}{
		{"ring", redis.NewRing(&redis.RingOptions{Addrs: map[string]string{"a": "127.0.0.1:1"}}), []string{"*redis.Ring", "*redis.ClusterClient"}},
		{"read only", cluster(func(o *redis.ClusterOptions) { o.ReadOnly = true }), []string{"replicas", "ReadOnly", "AllowReplicaReads"}},
		{"by latency", cluster(func(o *redis.ClusterOptions) { o.RouteByLatency = true }), []string{"replicas", "RouteByLatency"}},
		{"random", cluster(func(o *redis.ClusterOptions) { o.RouteRandomly = true }), []string{"replicas", "RouteRandomly"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Cleanup(func() { require.NoError(t, tt.rdb.Close()) })
			st, err := store.Open(t.Context(), tt.rdb)
			require.Nil(t, st)
			require.ErrorIs(t, err, store.ErrClient)
			for _, want := range tt.want {
				require.ErrorContains(t, err, want)
			}
			if _, ring := tt.rdb.(*redis.Ring); !ring {
				open(t, tt.rdb, store.AllowReplicaReads())
			}
		})
	}
}
