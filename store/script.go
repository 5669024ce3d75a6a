package store

import (
	"context"
	_ "embed" // of the scripts

	"github.com/jollyjet/aside/internal/redisx"
)

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

	takeScript       = redisx.NewScript(takeLua)
	casScript        = redisx.NewScript(casLua)
	putScript        = redisx.NewScript(putLua)
	generationScript = redisx.NewScript(generationLua)
	evictScript      = redisx.NewScript(evictLua)
	holdScript       = redisx.NewScript(holdLua)
	unholdScript     = redisx.NewScript(unholdLua)
)

type call = redisx.Call

// run carries out the calls in one round trip; see redisx.Run. Calls to a master whose breaker is open are not sent.
func (s *Store) run(ctx context.Context, calls ...*call) error {
	breakers, err := s.admit(ctx, calls)
	if err != nil {
		return err
	}
	err = redisx.Run(ctx, s.rdb, calls...)
	s.note(ctx, breakers, calls, err)
	if err != nil {
		return unavailable(err)
	}
	return nil
}
