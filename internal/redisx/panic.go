package redisx

import "errors"

// panicked is the value that a hook of the user's has panicked with. Whoever waits for the command panics with it in turn,
// as if the hook had run in the same goroutine.
type panicked struct{ value any }

// rethrow panics if a hook has.
func (p *panicked) rethrow() {
	if p != nil {
		panic(p.value)
	}
}

// errPanic is the error of commands whose hook has panicked.
var errPanic = errors.New("redisx: a hook has panicked")

// catch runs f, which sends the commands, and returns its panic, if any.
func catch(cmds []Command, f func()) (caught *panicked) {
	defer func() {
		if value := recover(); value != nil {
			caught = &panicked{value}
			for _, cmd := range cmds {
				complete(cmd, errPanic)
			}
		}
	}()
	f()
	return nil
}
