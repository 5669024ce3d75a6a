package endpoint

import (
	"log/slog"
	"sync"
)

// LogBlind returns a [Watcher] that logs once that a server does not name its data set.
func LogBlind(log *slog.Logger) Watcher { return &blindLogger{log: log} }

type blindLogger struct {
	log  *slog.Logger
	once sync.Once
}

// Met implements [Watcher].
func (*blindLogger) Met(string, Identity) {}

// Blind implements [Watcher].
func (b *blindLogger) Blind(addr string, cause error) {
	b.once.Do(func() {
		b.log.Warn("aside: this Redis does not say in INFO who it is, so aside can't notice when its address leads to a replica or to another server; grant +info",
			"node", addr, "cause", cause)
	})
}
