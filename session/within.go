package session

import "runtime"

// edit changes a body in place and reports whether it did. It may be called several times.
type edit func(*body) (changed bool, err error)

// apply calls an edit, which calls the program's function.
func (s *requestSession) apply(change edit, b *body) (changed bool, err error) {
	s.applying.Add(1)
	defer s.applying.Add(-1)
	return change(b)
}

const applies = "github.com/jollyjet/aside/session.(*requestSession).apply"

// withinUpdate reports whether the caller runs within apply. The stack is looked at only while apply runs: goroutines of
// one request may change the session at the same time, and take turns.
func (s *requestSession) withinUpdate() bool {
	if s.applying.Load() == 0 {
		return false
	}
	var callers [256]uintptr
	frames := runtime.CallersFrames(callers[:runtime.Callers(1, callers[:])])
	for {
		frame, more := frames.Next()
		if frame.Function == applies {
			return true
		}
		if !more {
			return false
		}
	}
}
