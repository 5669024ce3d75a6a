package tracking

import (
	"sync/atomic"
	"time"

	"github.com/jollyjet/aside/internal/wire"
)

// lag is how long a report takes over a connection. The probe measures it once, and the answers to pings do after that:
// they come over the same connection, behind the reports that Redis has still to send.
type lag struct {
	last atomic.Int64 // nanoseconds
	sent atomic.Int64 // when the ping was sent that is not answered yet, as uptime; 0 if there is none
}

// begin takes the result of the probe.
func (l *lag) begin(d time.Duration) {
	l.sent.Store(0)
	l.last.Store(int64(d))
}

// asked records a ping. While an earlier one is not answered that one counts.
func (l *lag) asked() { l.sent.CompareAndSwap(0, int64(wire.Uptime())) }

func (l *lag) answered() {
	if sent := l.sent.Swap(0); sent != 0 {
		l.last.Store(int64(wire.Uptime()) - sent)
	}
}

// now is the last lag, or for how long an answer has been missing if that is longer.
func (l *lag) now() time.Duration {
	d := time.Duration(l.last.Load())
	if sent := l.sent.Load(); sent != 0 {
		d = max(d, wire.Uptime()-time.Duration(sent))
	}
	return d
}
