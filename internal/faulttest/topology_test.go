package faulttest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/ratelimit"
	"github.com/jollyjet/aside/session"
	"github.com/jollyjet/aside/store"
)

// noticed is how long a store, a manager or a limiter may take to notice that its address leads to another server.
const noticed = 2 * time.Second

// dialed returns a client of an address, with its own connections.
func dialed(t *testing.T, addr string) *redis.Client {
	t.Helper()
	rdb := redis.NewClient(&redis.Options{Addr: addr})
	t.Cleanup(func() { require.NoError(t, rdb.Close()) })
	return rdb
}

// storeOn opens a store that may have evictions left when the test ends.
func storeOn(t *testing.T, rdb redis.UniversalClient, namespace string, options ...store.Option) *store.Store {
	t.Helper()
	st, err := store.Open(t.Context(), rdb, append([]store.Option{
		store.Namespace(namespace), store.Logger(slog.New(slog.DiscardHandler)), store.DrainTime(time.Second),
	}, options...)...)
	require.NoError(t, err)
	t.Cleanup(func() {
		if err := st.Close(); !errors.Is(err, store.ErrUndrained) {
			require.NoError(t, err)
		}
	})
	return st
}

// fed opens a store whose feed is up.
func fed(t *testing.T, rdb redis.UniversalClient, namespace string, options ...store.Option) *store.Store {
	t.Helper()
	st := storeOn(t, rdb, namespace, options...)
	redistest.Eventually(t, "the feed", func() bool { return st.Stats().Feed.Up })
	return st
}

// visits are sessions that count visits.
type visits struct{ N int }

func visit(v *visits) error { v.N++; return nil }

func managerOn(t *testing.T, rdb redis.UniversalClient, namespace string, options ...session.Option) *session.Manager[visits] {
	t.Helper()
	m := session.New[visits](rdb, append([]session.Option{session.Namespace(namespace)}, options...)...)
	t.Cleanup(func() { require.NoError(t, m.Close()) })
	return m
}

func limiterOn(t *testing.T, rdb redis.UniversalClient, namespace string, limit int, options ...ratelimit.Option) *ratelimit.Limiter {
	t.Helper()
	l := ratelimit.New(rdb, ratelimit.SlidingWindow(limit, time.Minute).Exact(),
		append([]ratelimit.Option{ratelimit.Namespace(namespace)}, options...)...)
	t.Cleanup(func() { require.NoError(t, l.Close()) })
	return l
}

// fieldsOf returns the fields of a section of INFO, none if the server does not answer.
func fieldsOf(s *redistest.Server, section string) map[string]string {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	reply, _ := s.Do(ctx, "INFO", section)
	text, _ := reply.(string)
	fields := map[string]string{}
	for line := range strings.Lines(text) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			fields[name] = value
		}
	}
	return fields
}

func promote(t *testing.T, s *redistest.Server) {
	t.Helper()
	_, err := s.Do(t.Context(), "REPLICAOF", "NO", "ONE")
	require.NoError(t, err)
}

// demote makes a server a replica of the server behind an address.
func demote(t *testing.T, s *redistest.Server, addr string) {
	t.Helper()
	host, port, err := net.SplitHostPort(addr)
	require.NoError(t, err)
	_, err = s.Do(t.Context(), "REPLICAOF", host, port)
	require.NoError(t, err)
}

// copied waits until a replica has all data of its master. Nobody may write meanwhile.
func copied(t *testing.T, master, replica *redistest.Server) {
	t.Helper()
	redistest.Eventually(t, "a copy of everything", func() bool {
		of, at := fieldsOf(master, "replication"), fieldsOf(replica, "replication")
		return at["master_link_status"] == "up" && of["master_repl_offset"] == at["slave_repl_offset"] && at["slave_repl_offset"] != ""
	})
}

// keysWith returns the keys of a server that contain a text.
func keysWith(t *testing.T, s *redistest.Server, text string) []string {
	t.Helper()
	reply, err := s.Do(t.Context(), "KEYS", "*"+text+"*")
	require.NoError(t, err)
	var keys []string
	for _, key := range reply.([]any) {
		keys = append(keys, fmt.Sprint(key))
	}
	return keys
}

// ownerOf returns the server that has a key that contains a text.
func ownerOf(t *testing.T, servers []*redistest.Server, text string) *redistest.Server {
	t.Helper()
	for _, s := range servers {
		if len(keysWith(t, s, text)) > 0 {
			return s
		}
	}
	t.Fatalf("no server has a key with %q", text)
	return nil
}
