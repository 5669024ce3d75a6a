package redisx

import (
	"context"
	"errors"
	"io"
	"net"
	"slices"
	"strings"

	"github.com/redis/go-redis/v9"
)

// ErrUnavailable is wrapped by the errors of the same name of store, ratelimit and session.
var ErrUnavailable = errors.New("Redis did not carry out the command") //nolint:staticcheck // a name begins it

// refusedError is why a connection is closed although it works. It hides from go-redis that a server has said something,
// for that would keep the connection; those who look for the reason find it.
type refusedError struct{ why error }

func (e *refusedError) Error() string { return e.why.Error() }

func (e *refusedError) Is(target error) bool { return errors.Is(e.why, target) }

// refused reports whether a command was not used, or not sent, because of the server that its connection leads to.
func refused(err error) bool {
	var e *refusedError
	return errors.As(err, &e)
}

// slowError is a reply that had begun to arrive and was not there in time: it is large, or the link is slow. The server
// answers.
type slowError struct{ error }

func (e *slowError) Unwrap() error { return e.error }

// Timeout makes go-redis close the connection, as for any other reply that is late.
func (e *slowError) Timeout() bool { return true }

// Temporary completes a net.Error.
func (e *slowError) Temporary() bool { return true }

// refusal is an error that Redis has answered.
type refusal string

func (e refusal) Error() string { return string(e) }

// RedisError makes it a redis.Error.
func (refusal) RedisError() {}

// timeoutError is why a caller stops waiting for Redis.
type timeoutError struct{}

func (timeoutError) Error() string   { return "Redis has not answered in time" }
func (timeoutError) Timeout() bool   { return true }
func (timeoutError) Temporary() bool { return true }

// Unhealthy reports whether an error speaks of the server or the way to it, not of the command.
func Unhealthy(err error) bool {
	if err == nil || slow(err) {
		return false
	}
	var network net.Error
	if errors.As(err, &network) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, redis.ErrPoolTimeout) || errors.Is(err, redis.ErrPoolExhausted) || errors.Is(err, context.DeadlineExceeded) ||
		refused(err) {
		return true
	}
	return Says(err, "LOADING", "CLUSTERDOWN", "MASTERDOWN", "NOAUTH", "WRONGPASS", "max number of clients")
}

// Refused reports whether Redis has answered with an error, in the handshake or to the command. That a key has another
// type, a script is not known, or a slot is elsewhere, is no refusal.
func Refused(err error) bool {
	var answer redis.Error
	return err != nil && !errors.Is(err, redis.Nil) && errors.As(err, &answer) &&
		!Says(err, "NOSCRIPT", "MOVED", "ASK", "TRYAGAIN") && !strings.Contains(err.Error(), "WRONGTYPE")
}

// Passes reports whether a refusal is of the kind that ends by itself: Redis is loading, busy, full, or has no master or
// too few replicas at the moment.
func Passes(err error) bool {
	return Says(err, "LOADING", "BUSY", "OOM", "READONLY", "MASTERDOWN", "CLUSTERDOWN", "NOREPLICAS", "MISCONF", "NOAUTH",
		"WRONGPASS", "UNKILLABLE", "max number of clients", "DENIED")
}

// UnknownCommand reports whether Redis does not have the command, which does not pass.
func UnknownCommand(err error) bool {
	if !Refused(err) {
		return false
	}
	text := strings.ToLower(err.Error())
	return strings.Contains(text, "unknown command") || strings.Contains(text, "unknown subcommand") || strings.Contains(text, "unknown redis command")
}

// Says reports whether an error is an answer of Redis that begins with one of the words.
func Says(err error, words ...string) bool {
	var e *refusedError
	if errors.As(err, &e) {
		err = e.why
	}
	return slices.ContainsFunc(words, func(word string) bool { return redis.HasErrorPrefix(err, word) })
}

// redirected reports whether an error sends a command elsewhere in a Cluster. It was not carried out.
func redirected(err error) bool {
	return err != nil && Says(err, "MOVED", "ASK", "TRYAGAIN", "READONLY")
}
