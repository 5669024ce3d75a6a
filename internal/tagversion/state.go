package tagversion

import (
	"time"

	"github.com/jollyjet/aside/internal/envelope"
	"github.com/jollyjet/aside/internal/wire"
)

// State is what stands under the key of a version: the number, nothing, or the hold of a writer.
type State struct {
	Number envelope.Version // zero if there is none
	Held   bool             // by a writer
}

// None reports whether there is no version, so that no entry can depend on it.
func (s State) None() bool { return s.Number == envelope.Version{} }

// parse reads what stands under the key of a version.
func parse(raw string) State {
	if envelope.KindOf([]byte(raw)) == envelope.Hold {
		return State{Held: true}
	}
	number, _ := envelope.ParseTagVersion([]byte(raw)) // what is no version is none
	return State{Number: number}
}

// stateOf reads the reply of a call that was carried out.
func stateOf(c *wire.Call) State {
	raw, _ := c.Reply.Text() // without text there is no version
	return parse(raw)
}

// Sooner returns the sooner of two ends, of which 0 is none.
func Sooner(a, b time.Duration) time.Duration {
	if a == 0 || b == 0 {
		return a + b
	}
	return min(a, b)
}
