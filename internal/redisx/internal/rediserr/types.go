package rediserr

import "errors"

// Discarded is the error of a connection that works, but leads to a server whose replies must not be used. It does not
// unwrap to the reply of Redis: go-redis keeps a connection whose error is one.
type Discarded struct{ Cause error }

func (e *Discarded) Error() string { return e.Cause.Error() }

// Is finds the cause for [errors.Is].
func (e *Discarded) Is(target error) bool { return errors.Is(e.Cause, target) }

// IsDiscarded reports whether a command was not sent, or its reply not used, because of the server that its connection
// leads to.
func IsDiscarded(err error) bool {
	var e *Discarded
	return errors.As(err, &e)
}

// Slow is the error of a reply that began to arrive and was not complete in time: it is large, or the link is slow. The
// server does answer.
type Slow struct{ Cause error }

func (e *Slow) Error() string { return e.Cause.Error() }
func (e *Slow) Unwrap() error { return e.Cause }

// Timeout makes go-redis close the connection, as for any other late reply.
func (e *Slow) Timeout() bool { return true }

// Temporary completes a net.Error.
func (e *Slow) Temporary() bool { return true }

// IsSlow reports whether a reply began to arrive and was not complete in time.
func IsSlow(err error) bool {
	if err == nil {
		return false
	}
	_, is := errors.AsType[*Slow](err)
	return is
}

// Reply is an error that Redis replied with.
type Reply string

func (e Reply) Error() string { return string(e) }

// RedisError makes it a redis.Error.
func (Reply) RedisError() {}

// Timeout is the error of a caller who stops waiting for Redis.
type Timeout struct{}

func (Timeout) Error() string { return "Redis has not answered in time" }

// Timeout completes a net.Error.
func (Timeout) Timeout() bool { return true }

// Temporary completes a net.Error.
func (Timeout) Temporary() bool { return true }
