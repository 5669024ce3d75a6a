package entry

import (
	"time"

	"github.com/jollyjet/aside/internal/envelope"
)

// Token tells one stored value from all others. It never comes back.
type Token [envelope.TokenLen]byte

// Token is that of the entry.
func (e *Entry) Token() Token { return Token(e.record.Token) }

// Sample is what a cache, or the source behind it, has for a key, in a form that lets the two be compared. Its payload
// must not be changed.
type Sample struct {
	State   State // only [Value] and [Negative] can be compared; a source has no other
	Payload []byte
	Token   Token         // of a sample of a cache
	Age     time.Duration // of a sample of a cache: how long ago its load began
	Lost    string        // of a sample of a source: which part of the value came back from the codec different; empty if none
	Err     error         // why it could not be had
}

// Sample returns the entry for whoever compares it with the source.
func (e *Entry) Sample() Sample {
	return Sample{State: e.State, Payload: e.record.Payload, Token: e.Token(), Age: e.age}
}

// Current reports whether it is what a read would be answered with.
func (s *Sample) Current() bool { return s.Err == nil && (s.State == Value || s.State == Negative) }
