package store

import (
	"strconv"
	"sync/atomic"
	"time"
)

// clock follows Redis's clock. It serves to tell how old a value is; whether a value was evicted never rests on it. It
// is this process's monotonic clock with an offset, so that a step of the wall clock does not age anything. On Cluster
// the masters are taken to agree, as NTP makes them.
type clock struct {
	offset atomic.Int64 // microseconds from began to Redis's time
	known  atomic.Bool
}

var began = time.Now()

// learn takes a reading of Redis's clock that was made between sent and now.
func (c *clock) learn(redisMicros int64, sent time.Time) {
	middle := sent.Add(time.Since(sent) / 2)
	c.offset.Store(redisMicros - middle.Sub(began).Microseconds())
	c.known.Store(true)
}

// now is the time on Redis's clock in microseconds, or this machine's until Redis has been asked.
func (c *clock) now() int64 {
	if !c.known.Load() {
		return time.Now().UnixMicro()
	}
	return time.Since(began).Microseconds() + c.offset.Load()
}

// age is how long ago a moment on Redis's clock was, never negative.
func (c *clock) age(redisMicros int64) time.Duration {
	return max(0, time.Duration(c.now()-redisMicros)*time.Microsecond)
}

// micros puts the two halves of a reply to TIME together.
func micros(seconds, fraction any) (int64, bool) {
	s, err1 := strconv.ParseInt(text(seconds), 10, 64)
	us, err2 := strconv.ParseInt(text(fraction), 10, 64)
	return s*1e6 + us, err1 == nil && err2 == nil
}

func text(v any) string {
	s, _ := v.(string)
	return s
}
