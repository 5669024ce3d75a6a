package cacheable

import (
	"errors"
	"fmt"
	"time"
)

// NotFound caches, for ttl, that the source has nothing: a load whose error accept approves is not repeated until then.
// The callers of that load get its error unchanged. Callers who find the absence in the cache get an error that
// matches, by errors.Is, whatever accept approves. So errors.Is(err, sql.ErrNoRows) holds for both. With the cached
// error errors.As finds nothing, and a comparison with == fails.
func NotFound(accept func(error) bool, ttl time.Duration) Option {
	if accept == nil {
		panic("cacheable: NotFound(nil, ...): use a func such as func(err error) bool { return errors.Is(err, ErrNoRows) }")
	}
	checkTTL("NotFound", ttl)
	return func(s *settings) { s.notFound = notFound{accept, ttl} }
}

// acceptErrNotFound is an option that lets NotFound, where it is given, also accept ErrNotFound.
func acceptErrNotFound(s *settings) {
	if accept := s.notFound.accept; accept != nil {
		s.notFound.accept = func(err error) bool { return errors.Is(err, ErrNotFound) || accept(err) }
	}
}

// absentError is the answer for a cached absence. The source's own error can't be encoded, so it is not kept; this
// error matches whatever the cache's NotFound accepts.
type absentError struct {
	cache, key string
	accepts    func(error) bool
}

func (e *absentError) Error() string {
	return fmt.Sprintf("cacheable: %s: %s: not found", e.cache, e.key)
}

func (e *absentError) Is(target error) bool {
	return target == ErrNotFound || e.accepts(target)
}
