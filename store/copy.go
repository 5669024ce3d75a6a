package store

import (
	"time"

	"github.com/jollyjet/aside/internal/envelope"
)

// Version tells one stored value from all others. It never comes back.
type Version [envelope.TokenLen]byte

// Version is that of the entry.
func (v *View) Version() Version { return Version(v.entry.Token) }

// Copy is what a cache, or the source behind it, has for a key, in a form that lets the two be compared. Its payload
// must not be changed.
type Copy struct {
	State   State // [Value] and [Negative] can be compared; of the source they are all that there is
	Payload []byte
	Version Version       // of a copy in a cache
	Age     time.Duration // of a copy in a cache: how long ago its load began
	Err     error         // why it could not be had
}

// Copy returns what is there for whoever compares it with the source.
func (v *View) Copy() Copy {
	return Copy{State: v.State, Payload: v.entry.Payload, Version: v.Version(), Age: v.age}
}

// Current reports whether it is what a read would be answered with.
func (c *Copy) Current() bool { return c.Err == nil && (c.State == Value || c.State == Negative) }
