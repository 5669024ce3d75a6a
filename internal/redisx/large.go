package redisx

import (
	"hash/maphash"
	"sync/atomic"
)

// maxShared is how many commands of one call, or keys of one command, share a pipeline with those of others.
const maxShared = 64

// largeKeys remembers keys whose replies are large, so that they are read over connections of their own: what shares a
// pipeline with a large reply waits for all of it. It is small, and forgets the keys whose place others take.
type largeKeys struct {
	any   atomic.Bool
	slots [4096]atomic.Uint64 // hashes of keys
}

var largeSeed = maphash.MakeSeed()

func (l *largeKeys) at(key string) (slot *atomic.Uint64, hash uint64) {
	hash = maphash.String(largeSeed, key) | 1 // not the value of a free slot
	return &l.slots[hash>>1%uint64(len(l.slots))], hash
}

func (l *largeKeys) has(key string) bool {
	if !l.any.Load() {
		return false
	}
	slot, hash := l.at(key)
	return slot.Load() == hash
}

// note takes note of how large a reply was.
func (l *largeKeys) note(key string, size int) {
	if size < largeBytes && !l.any.Load() {
		return
	}
	slot, hash := l.at(key)
	if size >= largeBytes {
		slot.Store(hash)
		l.any.Store(true)
	} else {
		slot.CompareAndSwap(hash, 0)
	}
}

// requestBytes is about how large a command is.
func requestBytes(cmd Command) (n int) {
	for _, arg := range cmd.Args() {
		switch arg := arg.(type) {
		case string:
			n += len(arg)
		case []byte:
			n += len(arg)
		}
	}
	if len(cmd.Args()) > maxShared {
		n += largeBytes
	}
	return n
}

// replyBytes is about how large the reply to a command was.
func replyBytes(cmd Command) int {
	switch cmd := cmd.(type) {
	case *StringCmd:
		return len(cmd.Val())
	case *SliceCmd:
		return valueBytes(cmd.Val())
	case *Cmd:
		return valueBytes(cmd.Val())
	default:
		return 0
	}
}

func valueBytes(v any) (n int) {
	switch v := v.(type) {
	case string:
		return len(v)
	case []any:
		for _, part := range v {
			n += valueBytes(part)
		}
	}
	return n
}
