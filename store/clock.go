package store

import (
	"strconv"
	"sync/atomic"
	"time"
)

// clock knows how far Redis's clock is from this process's. It serves to tell how old a value is; nothing that is
// promised rests on it.
type clock struct{ offset atomic.Int64 } // microseconds that Redis is ahead

// learn takes a reading of Redis's clock that was made between sent and now.
func (c *clock) learn(redisMicros int64, sent time.Time) {
	middle := sent.Add(time.Since(sent) / 2)
	c.offset.Store(redisMicros - middle.UnixMicro())
}

// now is the time on Redis's clock, in microseconds.
func (c *clock) now() int64 { return time.Now().UnixMicro() + c.offset.Load() }

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
