package session

import "sync/atomic"

// Kind says what an [Event] is about.
type Kind uint8

// The kinds of events. A session is named by its handle, never by its id.
const (
	// Created: a session without a user began.
	Created Kind = iota
	// LoggedIn: a session was bound to a user; its id is new.
	LoggedIn
	// Renewed: a session has a new id.
	Renewed
	// Destroyed: a session was ended by the request that belongs to it.
	Destroyed
	// Revoked: a session was ended from elsewhere: by the user's other sessions, an administrator, or MaxPerUser. It is
	// reported where that was done, and again where the session is still presented.
	Revoked
	// Expired: a token of a session whose time was over was presented. Of sessions without a user nothing is left to tell
	// it from Missing.
	Expired
	// Missing: a well-formed token was presented that belongs to no session: it has expired, was ended, replaced, or
	// never existed. Many of them from one address are somebody guessing.
	Missing
	// Malformed: a token was presented that can't have come from here, or several different ones. It did not reach Redis.
	Malformed
	// Undecodable: what is stored can't be read: it was damaged, or written by a program with another T or codec. It
	// counts as no session, and stays where it is until its time is over.
	Undecodable
	// Conflict: somebody else changed the session first; the change is made again on top.
	Conflict
	// ResurrectionRefused: a change came after the end of its session, and was not stored.
	ResurrectionRefused
	// Unavailable: Redis did not carry out a command. Err is why.
	Unavailable

	kinds
)

var kindNames = [kinds]string{
	"created", "logged in", "renewed", "destroyed", "revoked", "expired", "missing", "malformed", "undecodable",
	"conflict", "resurrection refused", "unavailable",
}

// String returns the kind in words.
func (k Kind) String() string {
	if k < kinds {
		return kindNames[k]
	}
	return "unknown"
}

// Event is something that happened to a session.
type Event struct {
	Kind   Kind
	Handle string // the public name of the session, if it is known; safe to log
	User   string // if it is known
	Err    error  // of Unavailable
}

// Stats counts what a manager did since it was made.
type Stats struct {
	Created, LoggedIn, Renewed, Destroyed, Revoked, Expired, Missing, Malformed uint64
	Undecodable, Conflicts, ResurrectionsRefused, Unavailable                   uint64

	Loads  uint64 // sessions looked up in Redis
	Slides uint64 // of these, how many were prolonged
	Saves  uint64 // changes stored
	Bytes  uint64 // written as sessions, their heads not counted
}

type meter struct {
	events                     [kinds]atomic.Uint64
	loads, slides, saves, size atomic.Uint64
}

func (m *meter) stats() Stats {
	n := func(k Kind) uint64 { return m.events[k].Load() }
	return Stats{
		Created: n(Created), LoggedIn: n(LoggedIn), Renewed: n(Renewed), Destroyed: n(Destroyed), Revoked: n(Revoked),
		Expired: n(Expired), Missing: n(Missing), Malformed: n(Malformed), Undecodable: n(Undecodable),
		Conflicts: n(Conflict), ResurrectionsRefused: n(ResurrectionRefused), Unavailable: n(Unavailable),
		Loads: m.loads.Load(), Slides: m.slides.Load(), Saves: m.saves.Load(), Bytes: m.size.Load(),
	}
}

func (e *engine) report(ev Event) {
	e.events[ev.Kind].Add(1)
	if e.observe != nil {
		e.observe(ev)
	}
}
