package session

import (
	"errors"
	"fmt"

	"github.com/jollyjet/aside/internal/redisx"
)

var (
	// ErrNoSession is returned when a session is needed and the request has none: it came without a token, or with one
	// that is malformed, unknown, expired, ended or revoked. [OnEvent] learns which; the client should not.
	ErrNoSession = errors.New("session: none")

	// ErrEnded is returned when the request had a session, which was ended or revoked, or got another id, before a
	// change could be stored, or came with a token to which that has just happened. Nothing was stored, and the session stays ended. It wraps [ErrNoSession]. Answer as to a
	// request without a session.
	ErrEnded = fmt.Errorf("session: ended meanwhile: %w", ErrNoSession)

	// ErrConflict is returned by methods that change a session if others changed it first at every attempt. Nothing was
	// stored. It takes hundreds of concurrent writers; try again later.
	ErrConflict = errors.New("session: too many concurrent changes")

	// ErrTooMany is returned by Login when the user has as many sessions as [MaxPerUser] allows and its policy is
	// [Refuse]. Nothing has changed.
	ErrTooMany = errors.New("session: the user has too many sessions")

	// ErrUnavailable wraps the reason why Redis did not execute a command. Whether a change was stored is then unknown,
	// but it was not stored twice. Answer with 503, and treat nobody as logged in.
	ErrUnavailable = fmt.Errorf("session: %w", redisx.ErrUnavailable)

	// ErrCommitted is returned by methods that would give the client a new token if the response headers have been sent.
	// Nothing was changed. Call the method before the first Write.
	ErrCommitted = errors.New("session: the response has begun, its client can't get a new token")

	// ErrWithinUpdate is returned by methods that change a session, called from within the function given to Update: it has
	// the session's turn, so they would wait for each other. Nothing was changed. Call them before or after Update.
	ErrWithinUpdate = errors.New("session: called within the function given to Update; call it before or after Update")

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
