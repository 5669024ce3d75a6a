package wire

import (
	"errors"
	"fmt"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/jollyjet/aside/internal/redisx"
)

var (
	// ErrUnavailable wraps what Redis or the way to it answered when a command could not be carried out.
	ErrUnavailable = fmt.Errorf("store: %w", redisx.ErrUnavailable)

	// ErrUnreplicated says that an eviction is carried out, but that fewer replicas than were asked for have confirmed it.
	ErrUnreplicated = errors.New("store: eviction not yet confirmed by replicas")
)

// Unavailable wraps the cause of a failure.
func Unavailable(err error) error { return fmt.Errorf("%w: %w", ErrUnavailable, err) }

// FirstError returns the first of two errors, but one about replicas gives way to any other.
func FirstError(first, next error) error {
	if first == nil || next != nil && errors.Is(first, ErrUnreplicated) {
		return next
	}
	return first
}

// Absent reports whether an error of GET means that the key holds no entry: there is none, or it is not a string.
func Absent(err error) bool {
	return errors.Is(err, redis.Nil) || strings.HasPrefix(err.Error(), "WRONGTYPE")
}
