package breaker

import (
	"context"
	"sync/atomic"
	"time"
)

// Config is what the owner of a [Set] decides. Go is required; events may be nil.
type Config struct {
	Failures   int           // how many in a row open a breaker
	ProbeEvery time.Duration // how often the master is probed while its breaker is open

	// Failed reports whether an error says that the master does not answer. Nil is redisx.Unhealthy.
	Failed func(err error) bool

	// Go runs f in a goroutine that the owner's Close waits for, with a context that Close ends. It reports false, and does
	// not run f, once the owner is closed.
	Go func(what string, f func(ctx context.Context)) bool

	OnOpen  func(addr string, cause error) // commands are held back from now on
	OnClose func(addr string, left bool)   // the last moment before commands are sent again; left: it is no longer a node
	Closed  func(addr string)              // commands are sent again, so what waited for the master may go on

	Recovered func(what string, value any) // an event or a probe has panicked; nil: the panic is dropped
}

// shared is what the breakers of a set have in common.
type shared struct {
	Config
	bypass atomic.Bool // commands are sent even where a breaker is open
	trips  atomic.Int64
}

// event calls a function that is not ours. Its panic must not leave a breaker open for good.
func (s *shared) event(f func()) {
	defer func() {
		if v := recover(); v != nil && s.Recovered != nil {
			s.Recovered("breaker", v)
		}
	}()
	f()
}
