package wire

import (
	"slices"
	"sync/atomic"
)

// Many calls are sent in chunks, one after the other, each with a timeout of its own. Otherwise ten thousand values would
// have to pass within the time that one command may take.
const (
	chunkBytes = 1 << 20 // of the requests of a chunk, and about as many of its replies
	fewest     = 16      // calls of a chunk whose replies are large
	most       = 512     // calls of a chunk
	lostInARow = 2       // chunks without any reply after which the rest is not sent
)

// chunks says how many calls go into the next chunk, by the size of the replies seen last.
type chunks struct{ calls atomic.Int64 } // 0: none was seen

func (c *chunks) limit() int {
	if n := c.calls.Load(); n > 0 {
		return int(n)
	}
	return most
}

// learn takes what became of a chunk that could have been smaller.
func (c *chunks) learn(calls []*Call, lost bool) {
	if len(calls) < fewest {
		return
	}
	n := len(calls) / 4
	if !lost {
		size := 1
		for _, call := range calls {
			size += call.ReplyBytes()
		}
		n = chunkBytes * len(calls) / size
	}
	c.calls.Store(int64(min(max(n, fewest), most)))
}

// next is how many of the calls go into the next chunk.
func (c *chunks) next(calls []*Call) int {
	size, limit := 0, c.limit()
	for i, call := range calls {
		size += call.RequestBytes()
		if i > 0 && (i == limit || size > chunkBytes) {
			return i
		}
	}
	return len(calls)
}

// each calls send with one chunk after the other. Where Redis seems to be gone the rest is not sent.
func (c *chunks) each(calls []*Call, send func(chunk []*Call)) {
	for lost := 0; len(calls) > 0 && lost < lostInARow; {
		n := c.next(calls)
		send(calls[:n])
		if answered(calls[:n]) {
			lost = 0
		} else {
			lost++
		}
		c.learn(calls[:n], lost > 0)
		calls = calls[n:]
	}
}

func answered(calls []*Call) bool {
	return slices.ContainsFunc(calls, func(c *Call) bool { return c.Err() == nil })
}
