package evict

import (
	"errors"
	"time"

	"github.com/jollyjet/aside/internal/pause"
)

const (
	// leastPause and mostPause are the pauses between failures of the source.
	leastPause, mostPause = 50 * time.Millisecond, 5 * time.Second

	// unreadableTries is how often a source fails at one position before it is tried without one.
	unreadableTries = 6

	// leastProbation is how long a stream that tells nothing has to last until it counts as working. After failures it
	// is longer, up to mostPause.
	leastProbation = 200 * time.Millisecond
)

// errWell ends a trial: the source works without the stored position.
var errWell = errors.New("evict: FromChanges: the source works")

// trouble finds out whether the source fails, or only the change after one position. In the latter case the source works
// when it is opened without a position, and fails again right afterwards when it is opened with it. One goroutine uses it.
type trouble struct {
	at       string        // the position that the failures are about
	failures int           // since the position has moved, or a stream has lasted for mostPause
	slowest  time.Duration // of these failures, from opening to the error
	tryNow   bool          // the next stream is opened without the position
	well     bool          // the source has just worked without the position
}

// tryWithout reports whether the next stream is a trial without the position.
func (t *trouble) tryWithout(at string) bool {
	try := t.tryNow && at != "" && at == t.at
	t.tryNow = false
	return try
}

// probation is how long the next stream has to last. A trial lasts longer than the failures took, because a source that
// is away may take as long to say so.
func (t *trouble) probation(trial bool) time.Duration {
	if trial {
		return leastProbation + 2*t.slowest
	}
	return pause.After(t.failures+1, leastProbation, mostPause)
}

// failed records a failure at a position, so long after the stream was opened. It reports whether only this position
// fails; it is given up then.
func (t *trouble) failed(at string, after time.Duration) (unreadable bool) {
	if at != t.at {
		*t = trouble{at: at}
	}
	t.failures++
	t.slowest = max(t.slowest, after)
	if t.well {
		*t = trouble{}
		return true
	}
	t.tryNow = t.failures >= unreadableTries && t.failures%2 == 0
	return false
}

// proven records that a stream works: one without the position in a trial, else one with it.
func (t *trouble) proven(trial bool) { t.well = trial }

// passed forgets the failures.
func (t *trouble) passed() { *t = trouble{} }
