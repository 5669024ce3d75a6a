package redisx

import (
	"errors"
	"hash/maphash"
	"sync/atomic"
)

// maxShared is how many commands of one call, or keys of one command, share a pipeline with those of others.
const maxShared = 64

// largeKeys remembers keys whose values are large, so that they are read over connections of their own: what shares a
// pipeline with a large reply waits for all of it. A value is known to be large after it was written or read once, or was
// too slow to be read. The memory is small: a key is forgotten when another takes its place.
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

// learn takes note of the keys of commands that have an outcome. Of those that were read together the first that did not
// arrive in time has held up the others.
func (l *largeKeys) learn(cmds []Command) {
	for _, cmd := range cmds {
		if slow(cmd.result().err) {
			l.note(keyOf(cmd), largeBytes)
			return
		}
		l.note(keyOf(cmd), max(replyBytes(cmd), requestBytes(cmd)))
	}
}

// slow reports whether a reply has begun to arrive, and was not there in time.
func slow(err error) bool {
	if err == nil {
		return false
	}
	_, is := errors.AsType[*slowError](err)
	return is
}

// keyOf is the key that a command is about; of several to be read it is the last, which is that of an entry.
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
	return n
}

// replyBytes is about how large the reply to a command was.
func replyBytes(cmd Command) int {
	switch cmd := cmd.(type) {
	case *StringCmd:
		return len(cmd.Val())
	case *SliceCmd:
		return listBytes(cmd.Val())
	case *Cmd:
		switch v := cmd.Val().(type) {
		case string:
			return len(v)
		case []any:
			return listBytes(v)
		}
	}
	return 0
}

func listBytes(list []any) (n int) {
	for _, part := range list {
		if text, ok := part.(string); ok {
			n += len(text)
		}
	}
	return n
}
