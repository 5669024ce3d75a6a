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
	//go:embed lua/touch.lua
	touchLua string
	//go:embed lua/unhold.lua
	unholdLua string
	//go:embed lua/bookmark.lua
	bookmarkLua string

	takeScript       = redisx.NewScript(takeLua)
	casScript        = redisx.NewScript(casLua)
	putScript        = redisx.NewScript(putLua)
	generationScript = redisx.NewScript(generationLua)
	evictScript      = redisx.NewScript(evictLua)
	holdScript       = redisx.NewScript(holdLua)
	touchScript      = redisx.NewScript(touchLua)
	unholdScript     = redisx.NewScript(unholdLua)
	bookmarkScript   = redisx.NewScript(bookmarkLua)
)

type call = redisx.Call

// run carries out the calls in one round trip; see redisx.Run. The error is the first of any call; each call has its own.
func (s *Store) run(ctx context.Context, calls ...*call) error {
	if err := redisx.Run(ctx, s.rdb, calls...); err != nil {
		return unavailable(err)
	}
	return nil
}
