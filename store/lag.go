package store

import (
	"sync/atomic"
	"time"
)

// lag is how long a connection of the feed takes to tell something. The probe measures it once, and after that the
// answers to pings do: they come over the same connection, behind the notices that Redis has still to send.
type lag struct {
	last atomic.Int64 // nanoseconds
	sent atomic.Int64 // when the ping was sent that is not answered yet, since the process began; 0 if there is none
}

// begin takes the result of the probe.
func (l *lag) begin(d time.Duration) {
	l.sent.Store(0)
	l.last.Store(int64(d))
}

// asked takes note of a ping. While an earlier one is not answered that one counts.
func (l *lag) asked() { l.sent.CompareAndSwap(0, int64(time.Since(began))) }

func (l *lag) answered() {
	if sent := l.sent.Swap(0); sent != 0 {
		l.last.Store(int64(time.Since(began)) - sent)
	}
}

// now is how long it took last, or how long it has been taking if that is longer.
func (l *lag) now() time.Duration {
	d := time.Duration(l.last.Load())
	if sent := l.sent.Load(); sent != 0 {
		d = max(d, time.Since(began)-time.Duration(sent))
	}
	return d
}
