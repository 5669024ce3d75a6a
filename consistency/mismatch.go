package consistency

import (
	"context"
	"errors"
	"time"

	"github.com/jollyjet/aside/internal/entry"
)

// mismatch is an entry that differs from the source. A write in progress may be the cause, so it counts as wrong only
// if later comparisons confirm it. One goroutine at a time works on it. Only hits is shared: recheckQueue.mu guards it
// while the queue knows the mismatch.
type mismatch[K comparable] struct {
	ctx         context.Context //nolint:containedctx // of the reader, for its values
	key         K
	cached      entry.Sample // as first compared; a replaced entry explains the difference
	class       string
	source      entry.Sample // the source's latest answer
	asked       int          // how often in a row it was given
	comparisons int
	since       time.Time
	unsteady    bool  // the source has given two different answers in a row
	waited      bool  // ... Grace ago
	changed     bool  // it has given different answers, but not in a row
	repair      bool  // Fix applies
	hits        int64 // number of sampled hits that this result will count for
}

// comparison is the result of one comparison.
type comparison struct {
	outcome entry.Check
	recheck bool          // there is no outcome yet: compare again after the grace
	age     time.Duration // of the entry
	err     error
}

var again = comparison{recheck: true}

// failed is the result of a comparison that an error prevented.
func failed(err error) comparison {
	if errors.Is(err, errHanging) {
		return comparison{outcome: entry.CheckSkipped, err: err}
	}
	return comparison{outcome: entry.CheckFailed, err: err}
}
