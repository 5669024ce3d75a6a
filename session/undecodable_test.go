package session_test

import (
	"bytes"
	"context"
	"encoding/gob"
	"errors"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/session"
)

// When the codec changes, scs answers 500 until the cookie is gone.
func TestUndecodable(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		ns := redistest.Unique(t)
		var seen events
		m := node(t, rdb, session.Namespace(ns), session.OnEvent(seen.observe))
		other := node(t, rdb, session.Namespace(ns), session.Codec(gobCodec{}))
		for name, spoil := range map[string]func(key string) error{
			"other codec": func(string) error { return nil },
			"cut":         func(key string) error { return rdb.Set(t.Context(), key, "s1L", time.Hour).Err() },
			"foreign":     func(key string) error { return rdb.Set(t.Context(), key, string(make([]byte, 300)), time.Hour).Err() },
			"no string": func(key string) error {
				return errors.Join(rdb.Del(t.Context(), key).Err(), rdb.RPush(t.Context(), key, "x").Err())
			},
			"no end": func(key string) error { return rdb.Persist(t.Context(), key).Err() },
		} {
			t.Run(name, func(t *testing.T) {
				token := login(t, other, "ann", begin(t, other, data{N: 1}))
				require.NoError(t, spoil(ns+":s:"+handleOf(t, other, token)))
				seen.kinds()
				require.False(t, valid(t, m, token))
				require.Equal(t, "undecodable", seen.kinds())
				user, err := m.User(m.Attach(t.Context(), token))
				require.NoError(t, err)
				require.Empty(t, user)
				ctx := m.Attach(t.Context(), token)
				require.NoError(t, m.Update(ctx, add(5)), "a new session")
				require.NotEqual(t, token, tokenOf(t, m, ctx))
				require.Equal(t, 5, get(t, m, tokenOf(t, m, ctx)).N)
				_, err = m.List(t.Context(), "ann")
				require.NoError(t, err)
				require.NoError(t, m.DestroyAll(t.Context(), "ann"))
			})
		}
	})
}

type gobCodec struct{}

func (gobCodec) Name() string { return "gob" }

func (gobCodec) Marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	err := gob.NewEncoder(&b).Encode(v)
	return b.Bytes(), err
}

func (gobCodec) Unmarshal(raw []byte, v any) error {
	return gob.NewDecoder(bytes.NewReader(raw)).Decode(v)
}

// In a rolling deploy T has changed. What the new version can't decode, it ends all the same, also for the old one.
func TestUndecodableSessionsEnd(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		ns := redistest.Unique(t)
		m := node(t, rdb, session.Namespace(ns))
		old := node(t, rdb, session.Namespace(ns), session.Codec(gobCodec{}))
		for name, end := range map[string]func(ctx context.Context, handle string) error{
			"logout": func(ctx context.Context, _ string) error { return m.Destroy(ctx) },
			"login":  func(ctx context.Context, _ string) error { return m.Login(ctx, "ann") },
			"other":  func(ctx context.Context, _ string) error { return m.Login(ctx, "bob") },
			"one":    func(ctx context.Context, handle string) error { return m.DestroyOne(ctx, "ann", handle) },
			"update": func(ctx context.Context, _ string) error { return m.Update(ctx, add(1)) },
			"create": func(ctx context.Context, _ string) error { return m.Create(ctx, data{}) },
			"all":    func(ctx context.Context, _ string) error { return m.DestroyAll(ctx, "ann") },
		} {
			t.Run(name, func(t *testing.T) {
				token := login(t, old, "ann", begin(t, old, data{N: 1}))
				handle := handleOf(t, old, token)
				require.NoError(t, end(m.Attach(t.Context(), token), handle))
				require.False(t, valid(t, old, token))
				list, err := old.List(t.Context(), "ann")
				require.NoError(t, err)
				for _, s := range list {
					require.NotEqual(t, handle, s.Handle)
				}
			})
		}
	})
}
