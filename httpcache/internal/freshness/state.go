package freshness

import (
	"time"

	"github.com/jollyjet/aside/httpcache/internal/directive"
)

// State says what may be done with a stored answer.
type State int

// The states, the most useful first.
const (
	Fresh                State = iota // serve it
	StaleWhileRevalidate              // serve it, and refresh it behind the request; on error, too
	StaleIfError                      // ask the handler; serve it if the handler fails
	MustRevalidate                    // ask the handler; what is stored is only good for a 304
)

// ServeNow reports whether the answer may be served without asking the handler first.
func (s State) ServeNow() bool { return s <= StaleWhileRevalidate }

// ServeOnError reports whether the answer may be served if the handler fails.
func (s State) ServeOnError() bool { return s == StaleWhileRevalidate || s == StaleIfError }

func (s State) String() string {
	return [...]string{"fresh", "stale-while-revalidate", "stale-if-error", "must-revalidate"}[s]
}

// For returns the state of the answer at now, for a request that asks for asked. The zero Request asks for nothing: it is
// what a route uses that doesn't let clients rule its cache.
func (t Terms) For(now time.Time, asked directive.Request) State {
	age, late := t.Age(now), -t.TTL(now)
	state := t.state(late)
	if state != MustRevalidate && (asked.NoCache || asked.MaxAge.Set && age > asked.MaxAge.Time) {
		return t.afterError(late)
	}
	if state == Fresh {
		if asked.MinFresh.Set && -late < asked.MinFresh.Time {
			return t.afterError(late)
		}
		return Fresh
	}
	if asked.MaxStale.Set {
		return t.forMaxStale(late, asked.MaxStale.Time)
	}
	if state == StaleWhileRevalidate && asked.MaxAge.Set {
		return t.afterError(late) // who names an age and no max-stale wants nothing stale (RFC 9111, section 5.2.1.1)
	}
	return state
}

// forMaxStale is the state of a stale answer for a client that takes it up to allowed after its lifetime.
func (t Terms) forMaxStale(late, allowed time.Duration) State {
	servable := !t.RefusesStale || late <= t.StaleWhileRevalidate && t.StaleWhileRevalidate > 0
	if servable && late <= allowed {
		return StaleWhileRevalidate
	}
	return t.afterError(late)
}

// state is the state by what answer and route say, late after the end of the lifetime.
func (t Terms) state(late time.Duration) State {
	switch {
	case !t.AlwaysCheck && late < 0:
		return Fresh
	case late <= t.StaleWhileRevalidate && t.StaleWhileRevalidate > 0:
		return StaleWhileRevalidate
	default:
		return t.afterError(late)
	}
}

// afterError is the state of an answer that can't be served before the handler was asked.
func (t Terms) afterError(late time.Duration) State {
	if t.StaleIfError > 0 && late <= t.StaleIfError {
		return StaleIfError
	}
	return MustRevalidate
}
