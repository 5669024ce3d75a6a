package redisx

// Breaker keeps commands from a node that does not answer.
type Breaker interface {
	// Allow returns why nothing must be sent, or nil.
	Allow() error
	// Record takes the error of a command that was sent, nil if it was carried out; that there is no such key is no error.
	// It is called for every command, also if its caller has left.
	Record(err error)
}
