package wire

import (
	"strconv"
	"sync/atomic"
	"time"
)

// Clock follows Redis's clock. It tells how old a value is; whether a value was evicted never depends on it. It is this
// process's monotonic clock with an offset, so that a step of the wall clock does not age anything. On a Cluster the
// masters are taken to agree, as NTP makes them.
type Clock struct {
	offset atomic.Int64 // microseconds from processStart to Redis's time
	known  atomic.Bool
}

var processStart = time.Now()

// Uptime is the time since the process began. It never steps.
func Uptime() time.Duration { return time.Since(processStart) }

// Learn takes a reading of Redis's clock that was made between sent and now.
func (c *Clock) Learn(redisMicros int64, sent time.Time) {
	middle := sent.Add(time.Since(sent) / 2)
	c.offset.Store(redisMicros - middle.Sub(processStart).Microseconds())
	c.known.Store(true)
}

// Known reports whether Redis's clock has been read.
func (c *Clock) Known() bool { return c.known.Load() }

// Now is the time on Redis's clock in microseconds, or on this machine's until Redis's is known.
func (c *Clock) Now() int64 {
	if !c.known.Load() {
		return time.Now().UnixMicro()
	}
	return Uptime().Microseconds() + c.offset.Load()
}

// Age is how long ago a moment on Redis's clock was, never negative.
func (c *Clock) Age(redisMicros int64) time.Duration {
	return max(0, time.Duration(c.Now()-redisMicros)*time.Microsecond)
}

// Micros puts the two halves of a reply to TIME together.
func Micros(seconds, fraction any) (int64, bool) {
	s, err1 := strconv.ParseInt(Text(seconds), 10, 64)
	us, err2 := strconv.ParseInt(Text(fraction), 10, 64)
	return s*1e6 + us, err1 == nil && err2 == nil
}
