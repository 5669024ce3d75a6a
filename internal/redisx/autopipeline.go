package redisx

import "sync/atomic"

// ShareFrom is the default of [Limits.ShareFrom]. Measured on loopback, sharing is slower for up to 6 callers, and faster
// from 8: 3.5 times for 64.
const ShareFrom = 8

// busyFor is how many commands share after the last one that found enough others in flight. The replies of a pipeline
// arrive together, so for a moment after them few are in flight.
const busyFor = 256

// sharing decides whether a command shares a pipeline with others, by how many are in flight.
type sharing struct {
	from int // commands in flight; 0: never

	busy   atomic.Int64 // commands in flight
	credit atomic.Int64 // how many more of them share
}

// enter counts a command as in flight, until leave, and reports whether it shares a pipeline.
func (s *sharing) enter() (shares bool) {
	busy := s.busy.Add(1)
	switch {
	case s.from == 0:
		return false
	case busy >= int64(s.from):
		if s.credit.Load() < busyFor/2 { // so that not every command writes to it
			s.credit.Store(busyFor)
		}
		return true
	default:
		return s.credit.Load() > 0 && s.credit.Add(-1) >= 0
	}
}

func (s *sharing) leave() { s.busy.Add(-1) }
