package redisx

import (
	"hash/maphash"
	"sync/atomic"

	"github.com/jollyjet/aside/internal/redisx/internal/rediserr"
)

const (
	maxShared  = 64       // the most commands of one call, or arguments of one command, that share a pipeline with others
	largeBytes = 32 << 10 // a request or reply of this size goes over a connection of its own
)

// largeKeys remembers keys whose values are large. They are read over connections of their own, because everything that
// shares a pipeline with a large reply waits for all of it. A value is known to be large once it was written or read, or
// was too slow to be read. The memory is small: a key is forgotten when another takes its slot.
type largeKeys struct {
	any   atomic.Bool
	slots [4096]atomic.Uint64 // hashes of keys
}

var largeSeed = maphash.MakeSeed()

func (l *largeKeys) slot(key string) (slot *atomic.Uint64, hash uint64) {
	hash = maphash.String(largeSeed, key) | 1 // not 0, the value of a free slot
	return &l.slots[hash>>1%uint64(len(l.slots))], hash
}

func (l *largeKeys) has(key string) bool {
	if !l.any.Load() {
		return false
	}
	slot, hash := l.slot(key)
	return slot.Load() == hash
}

// record takes the size of a request or reply.
func (l *largeKeys) record(key string, size int) {
	if size < largeBytes && !l.any.Load() {
		return
	}
	slot, hash := l.slot(key)
	if size >= largeBytes {
		slot.Store(hash)
		l.any.Store(true)
	} else {
		slot.CompareAndSwap(hash, 0)
	}
}

// learn records the keys of commands that have an outcome. Of those that were read together, the first whose reply was slow
// has held up the others.
func (l *largeKeys) learn(cmds []Command) {
	for _, cmd := range cmds {
		if rediserr.IsSlow(cmd.result().err) {
			l.record(keyOf(cmd), largeBytes)
			return
		}
		l.record(keyOf(cmd), max(replyBytes(cmd), requestBytes(cmd)))
	}
}

// keyOf is the key of a command. Of several keys that are read together it is the last: the entry's.
func keyOf(cmd Command) string {
	args, at := cmd.Args(), 1
	switch cmd.Name() {
	case "eval", "evalsha":
		at = 3
	case "mget":
		at = len(args) - 1
	}
	if at >= len(args) {
		return ""
	}
	key, _ := args[at].(string)
	return key
}

// requestBytes is roughly the size of a command.
func requestBytes(cmd Command) (n int) {
	for _, arg := range cmd.Args() {
		n += argBytes(arg)
	}
	return n
}

func argBytes(arg any) int {
	switch arg := arg.(type) {
	case string:
		return len(arg)
	case []byte:
		return len(arg)
	default:
		return 0
	}
}

// replyBytes is roughly the size of the reply to a command.
func replyBytes(cmd Command) int {
	switch cmd := cmd.(type) {
	case *StringCmd:
		return len(cmd.Val())
	case *SliceCmd:
		return listBytes(cmd.Val())
	case *Cmd:
		return valueBytes(cmd.Val())
	default:
		return 0
	}
}

func valueBytes(value any) int {
	switch v := value.(type) {
	case string:
		return len(v)
	case []any:
		return listBytes(v)
	default:
		return 0
	}
}

func listBytes(list []any) (n int) {
	for _, part := range list {
		if text, ok := part.(string); ok {
			n += len(text)
		}
	}
	return n
}
