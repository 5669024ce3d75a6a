package session

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/internal/redisx"
)

func TestTokensAreRandom(t *testing.T) {
	seen := map[string]bool{}
	for range 1000 {
		tok := newToken()
		require.False(t, seen[string(tok.id[:])] || seen[string(tok.selector[:])])
		seen[string(tok.id[:])], seen[string(tok.selector[:])] = true, true
	}
	require.Equal(t, 256, idBytes*8)
}

func TestSeal(t *testing.T) {
	a, b, c := newToken(), newToken(), newToken()
	sealed := seal(a.id, b.id)
	require.Equal(t, b.id, unseal(a.id, sealed))
	require.NotEqual(t, b.id, unseal(c.id, sealed))
	require.NotEqual(t, b.id, sealed)
}

func FuzzToken(f *testing.F) {
	tok := newToken()
	f.Add(tok.String())
	tok.bindTo("ann")
	f.Add(tok.String())
	for _, text := range []string{
		"", strings.Repeat("A", 64), strings.Repeat("A", 86), strings.Repeat("A", 85) + "B", strings.Repeat("=", 64),
		strings.Repeat("A", 63) + "\n", strings.Repeat("\xff", 64), strings.Repeat("é", 32), strings.Repeat("A", 65),
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		tok, ok := parseToken(text)
		if !ok {
			require.Zero(t, tok)
			return
		}
		require.Equal(t, text, tok.String(), "one spelling of each token")
		require.Len(t, tok.handle(), handleChars)
	})
}

// sentinel is a hook that records commands and sends none.
type sentinel struct{ sent []string }

func (s *sentinel) DialHook(next redis.DialHook) redis.DialHook { return next }

func (s *sentinel) ProcessHook(redis.ProcessHook) redis.ProcessHook {
	return func(_ context.Context, cmd redis.Cmder) error { return s.note(cmd) }
}

func (s *sentinel) ProcessPipelineHook(redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(_ context.Context, cmds []redis.Cmder) error { return s.note(cmds...) }
}

func (s *sentinel) note(cmds ...redis.Cmder) error {
	for _, c := range cmds {
		s.sent = append(s.sent, c.String())
		if c.Name() != "pttl" {
			c.SetErr(redis.Nil)
			continue
		}
		c.(*redisx.Cmd).SetVal(int64(0))
		c.SetErr(nil)
	}
	return redis.Nil
}

// Whatever the Cookie or Authorization header contains, only hashes of a well-formed token are sent to Redis.
func FuzzHeader(f *testing.F) {
	tok := newToken()
	bound := tok
	bound.bindTo("ann")
	for _, text := range []string{
		tok.String(), bound.String(), "x", `"` + tok.String() + `"`, tok.String() + "; __Host-id=" + bound.String(),
		tok.String() + "; __Host-id=" + tok.String(), "\r\nSet-Cookie: a=b", "*", "session:s:*", strings.Repeat("A", 64),
	} {
		f.Add(text, false)
		f.Add(text, true)
	}
	s := &sentinel{}
	rdb := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1"})
	cookies, bearer := New[int](rdb, Hooks(s)), New[int](rdb, Hooks(s), Bearer())
	f.Cleanup(func() { _, _, _ = rdb.Close(), cookies.Close(), bearer.Close() })
	f.Fuzz(func(t *testing.T, text string, asBearer bool) {
		s.sent = nil
		r := &http.Request{Header: http.Header{}}
		p := cookies.p
		if asBearer {
			p = bearer.p
			r.Header.Set("Authorization", "Bearer "+text)
		} else {
			r.Header.Set("Cookie", "__Host-id="+text)
		}
		_, _, err := (&requestSession{p: p, request: r}).peek(t.Context())
		require.ErrorIs(t, err, ErrNoSession)
		for _, command := range s.sent {
			require.Regexp(t, `^(get|pttl|zscore) session:[su]:[A-Za-z0-9_-]{22}([: ]|$)`, command)
			if len(text) > 20 {
				require.NotContains(t, command, text[:20])
			}
		}
	})
}
