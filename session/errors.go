package session

import (
	"errors"
	"fmt"
)

var (
	// ErrNoSession is returned where a session is needed and there is none: the request came without a token, or with
	// one that is malformed, unknown, expired, ended or revoked. Which of these it was is for [OnEvent], not for the
	// client.
	ErrNoSession = errors.New("session: none")

	// ErrEnded is returned when a session was there when the request first asked for it, and was ended or revoked, or
	// got another id, before a change could be stored. Nothing was stored, and nothing is brought back. It wraps
	// [ErrNoSession]. Answer like to a request without a session.
	ErrEnded = fmt.Errorf("session: ended meanwhile: %w", ErrNoSession)

	// ErrConflict is returned by Update and the like when others changed the session each time before it could be
	// stored. Nothing was stored. It takes hundreds of writers that have nothing better to do; try again later.
	ErrConflict = errors.New("session: too many concurrent changes")

	// ErrTooMany is returned by Login when the user has as many sessions as [MaxPerUser] allows, and it is set to
	// refuse. Nothing has changed.
	ErrTooMany = errors.New("session: the user has too many sessions")

	// ErrUnavailable wraps what Redis or the way to it answered when a command could not be carried out. Whether a
	// change was stored is then unknown, but it was not stored twice. Answer with 503, and treat nobody as logged in.
	ErrUnavailable = errors.New("session: Redis did not carry out the command")

	// ErrCommitted is returned by what would give the client a new token after the headers of the response went out.
	// Nothing was changed. Do it before the first Write.
	ErrCommitted = errors.New("session: the response has begun, its client can't get a new token")

	// ErrNoScope is returned for a context that comes neither from a request behind [Manager.Middleware] of the same
	// manager nor from [Manager.Attach].
	ErrNoScope = errors.New("session: the context has no session scope; use Middleware or Attach of this manager")

	// ErrUser is returned for a user name that is empty or longer than 512 bytes.
	ErrUser = errors.New("session: a user has a name of 1 to 512 bytes")

	// ErrTooLarge is returned when the data of a session would take more bytes than [MaxBytes] allows. Nothing was
	// stored.
	ErrTooLarge = errors.New("session: the data is too large")
)

func unavailable(err error) error { return fmt.Errorf("%w: %w", ErrUnavailable, err) }
