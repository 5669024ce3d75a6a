// Package rediserr says what an error of Redis, or of a connection to it, means: a refusal, one that ends by itself, a
// server in trouble, a slow reply, a redirection.
package rediserr

import (
	"context"
	"errors"
	"io"
	"net"
	"slices"
	"strings"

	"github.com/redis/go-redis/v9"
)

// Unhealthy reports whether an error is about the server or the connection to it, not about the command.
func Unhealthy(err error) bool {
	if err == nil || IsSlow(err) {
		return false
	}
	var network net.Error
	if errors.As(err, &network) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, redis.ErrPoolTimeout) || errors.Is(err, redis.ErrPoolExhausted) || errors.Is(err, context.DeadlineExceeded) ||
		IsDiscarded(err) {
		return true
	}
	return Says(err, "LOADING", "CLUSTERDOWN", "MASTERDOWN", "NOAUTH", "WRONGPASS", "max number of clients")
}

// Refused reports whether Redis replied with an error, in the handshake or to the command. A key of another type, an
// unknown script and a slot of another node are no refusals.
func Refused(err error) bool {
	var reply redis.Error
	return err != nil && !errors.Is(err, redis.Nil) && errors.As(err, &reply) &&
		!Says(err, "NOSCRIPT", "MOVED", "ASK", "TRYAGAIN") && !strings.Contains(err.Error(), "WRONGTYPE")
}

// Passes reports whether a refusal is of a kind that ends by itself: Redis is loading, busy or full, or has no master or
// too few replicas at the moment.
func Passes(err error) bool {
	return Says(err, "LOADING", "BUSY", "OOM", "READONLY", "MASTERDOWN", "CLUSTERDOWN", "NOREPLICAS", "MISCONF", "NOAUTH",
		"WRONGPASS", "UNKILLABLE", "max number of clients", "DENIED")
}

// UnknownCommand reports whether Redis does not have the command. This does not pass.
func UnknownCommand(err error) bool {
	if !Refused(err) {
		return false
	}
	text := strings.ToLower(err.Error())
	return strings.Contains(text, "unknown command") || strings.Contains(text, "unknown subcommand") || strings.Contains(text, "unknown redis command")
}

// Says reports whether an error is a reply of Redis that begins with one of the words.
func Says(err error, words ...string) bool {
	var discarded *Discarded
	if errors.As(err, &discarded) {
		err = discarded.Cause
	}
	return slices.ContainsFunc(words, func(word string) bool { return redis.HasErrorPrefix(err, word) })
}

// Redirected reports whether an error sends a command elsewhere in a Cluster. The command was not carried out.
func Redirected(err error) bool {
	return err != nil && Says(err, "MOVED", "ASK", "TRYAGAIN", "READONLY")
}
