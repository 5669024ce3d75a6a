package outbox

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/jollyjet/aside/internal/lifecycle"
	"github.com/jollyjet/aside/internal/wire"
)

// ErrQueued says that an eviction did not reach Redis yet.
var ErrQueued = fmt.Errorf("store: eviction queued: %w", wire.ErrUnavailable)

// Config says what an [Outbox] is made with.
type Config struct {
	Namespace  string
	Everything string // the Redis key whose eviction evicts everything
	Journal    string // path of the file; empty: none
	Log        *slog.Logger
	Life       *lifecycle.Lifecycle

	Limit     int           // how many evictions are kept one by one
	Age       time.Duration // for how long they are
	Remember  time.Duration // for how long confirmed evictions are remembered
	Distrust  bool          // older data means that everything is evicted
	RetryMost time.Duration // how soon evictions are repeated, at most

	Deliver  wire.Send         // carries out evictions
	Together Together          // the same for those that may rest on each other
	Flush    wire.Send         // carries out evictions for the last time, whatever the breakers say
	Last     Together          // likewise
	Changed  func(addr string) // is called with each key whose eviction was repeated, with the outbox's lock held
}

// Together carries out evictions so that each takes effect after all others. done is false if it could not; see
// [tagversion.Versions.Together].
type Together func(ctx context.Context, calls ...*wire.Call) (done bool, err error)
