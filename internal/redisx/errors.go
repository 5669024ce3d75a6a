package redisx

import (
	"errors"
	"fmt"

	"github.com/jollyjet/aside/internal/redisx/internal/endpoint"
	"github.com/jollyjet/aside/internal/redisx/internal/rediserr"
)

// ErrUnavailable is wrapped by the errors of the same name of store, ratelimit and session.
var ErrUnavailable = errors.New("Redis did not carry out the command") //nolint:staticcheck // a name begins it

// ErrClient is wrapped by the error of [Own] for a client that can't be used. The text says what to change.
var ErrClient = errors.New("unsuitable Redis client")

// ErrReplicas is returned by [Own] for a client that reads from replicas.
var ErrReplicas = fmt.Errorf("%w: it reads from replicas, which lag; leave ReadOnly, RouteByLatency and RouteRandomly unset", ErrClient)

// ErrClosed is the error of a command after [Client.Close].
var ErrClosed = errors.New("the client is closed")

// The errors of a command whose connection leads to the wrong server.
var (
	ErrNotMaster = endpoint.ErrNotMaster // a replica
	ErrOtherData = endpoint.ErrOtherData // another server than newer connections to the same address
	ErrRetired   = endpoint.ErrRetired   // unknown, because the connection was made too long ago
)

// Unhealthy reports whether an error is about the server or the connection to it, not about the command.
func Unhealthy(err error) bool { return rediserr.Unhealthy(err) }

// Refused reports whether Redis replied with an error, in the handshake or to the command. A key of another type, an
// unknown script and a slot of another node are no refusals.
func Refused(err error) bool { return rediserr.Refused(err) }

// UnknownCommand reports whether Redis does not have the command. This does not pass.
func UnknownCommand(err error) bool { return rediserr.UnknownCommand(err) }

// Says reports whether an error is a reply of Redis that begins with one of the words.
func Says(err error, words ...string) bool { return rediserr.Says(err, words...) }
