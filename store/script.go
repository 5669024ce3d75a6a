package store

import (
	"context"
	"crypto/sha1" //nolint:gosec // it is the name of the script, not a safeguard
	_ "embed"
	"encoding/hex"

	"github.com/redis/go-redis/v9"
)

// script is a Lua script that works on one key, and so on any node of a Cluster. All are safe to run twice.
type script struct{ text, sha string }

func newScript(text string) *script {
	sum := sha1.Sum([]byte(text)) //nolint:gosec // see above
	return &script{text: text, sha: hex.EncodeToString(sum[:])}
}

var (
	//go:embed lua/take.lua
	takeLua string
	//go:embed lua/cas.lua
	casLua string
	//go:embed lua/put.lua
	putLua string
	//go:embed lua/generation.lua
	generationLua string
	//go:embed lua/evict.lua
	evictLua string
	//go:embed lua/hold.lua
	holdLua string
	//go:embed lua/unhold.lua
	unholdLua string

	takeScript       = newScript(takeLua)
	casScript        = newScript(casLua)
	putScript        = newScript(putLua)
	generationScript = newScript(generationLua)
	evictScript      = newScript(evictLua)
	holdScript       = newScript(holdLua)
	unholdScript     = newScript(unholdLua)
)

// call is one command on one key: a script, or a GET where there is none.
type call struct {
	script *script
	key    string
	args   []any
	reply  *redis.Cmd
}

func get(key string) *call { return &call{key: key} }

// sender is a client or a pipeline.
type sender interface {
	Do(ctx context.Context, args ...any) *redis.Cmd
	Eval(ctx context.Context, script string, keys []string, args ...any) *redis.Cmd
	EvalSha(ctx context.Context, sha string, keys []string, args ...any) *redis.Cmd
}

func (c *call) send(ctx context.Context, to sender, whole bool) {
	switch {
	case c.script == nil:
		c.reply = to.Do(ctx, "get", c.key)
	case whole:
		c.reply = to.Eval(ctx, c.script.text, []string{c.key}, c.args...)
	default:
		c.reply = to.EvalSha(ctx, c.script.sha, []string{c.key}, c.args...)
	}
}

// err is what became of the call: an absent key is not an error.
func (c *call) err() error {
	if err := c.reply.Err(); err != redis.Nil { //nolint:errorlint // go-redis returns it bare
		return err
	}
	return nil
}

func (c *call) unknown() bool {
	return c.script != nil && redis.HasErrorPrefix(c.reply.Err(), "NOSCRIPT")
}

// run carries out the calls in one round trip (one per node of a Cluster). A script that a server does not know yet
// is sent in full in a second one; nothing else is ever tried twice. The error is the first of any call.
func (s *Store) run(ctx context.Context, calls ...*call) error {
	s.send(ctx, calls, false)
	var again []*call
	for _, c := range calls {
		if c.unknown() {
			again = append(again, c)
		}
	}
	if len(again) > 0 {
		s.send(ctx, again, true)
	}
	for _, c := range calls {
		if err := c.err(); err != nil {
			return unavailable(err)
		}
	}
	return nil
}

func (s *Store) send(ctx context.Context, calls []*call, whole bool) {
	if len(calls) == 1 {
		calls[0].send(ctx, s.rdb, whole)
		return
	}
	pipe := s.rdb.Pipeline()
	for _, c := range calls {
		c.send(ctx, pipe, whole)
	}
	_, _ = pipe.Exec(ctx) // each call has its own error
}
