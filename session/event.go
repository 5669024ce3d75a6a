package session

import "sync/atomic"

// Kind says what an [Event] is about.
type Kind uint8

// The kinds of events. An event names a session by its handle, never by its id.
const (
	// Created: a session without a user began.
	Created Kind = iota
	// LoggedIn: a session was bound to a user and has a new id.
	LoggedIn
	// Renewed: a session has a new id.
	Renewed
	// Destroyed: a session was ended by its own request.
	Destroyed
	// Revoked: a session was ended from elsewhere: by another session of the user, an administrator, or MaxPerUser. It
	// is reported where that happens, and again when the token of the session is presented.
	Revoked
	// Expired: the token of an expired session was presented. An expired session without a user leaves no trace, so it
	// is reported as Missing.
	Expired
	// Missing: a well-formed token was presented that belongs to no session: it has expired, was ended or replaced, or
	// never existed. Many of them from one address suggest that somebody is guessing.
	Missing
	// Malformed: the request has a token that this package cannot have issued, or several different tokens. Redis was
	// not asked.
	Malformed
	// Undecodable: the stored session can't be read. It is damaged, or was written by a program with another T or codec.
	// It counts as no session, and stays in Redis until it expires, or Destroy, Login or a session in its place ends it.
	Undecodable
	// Conflict: somebody else changed the session first. The change is applied again on top of theirs.
	Conflict
	// ResurrectionRefused: a change came after the end of its session, and was not stored.
	ResurrectionRefused
	// Unavailable: Redis did not execute a command. Err says why.
	Unavailable
	// Reused: a token was presented that Login or a renewal replaced more than [RenewGrace] ago. No browser does that in
	// good faith, unless the response with its new token was lost: the token may have been stolen. It is not let in.
	// Before that it is reported as Missing. Replaced tokens are remembered for [Idle], those of Renew until the next.
	Reused

	kinds
)

var kindNames = [kinds]string{
	"created", "logged in", "renewed", "destroyed", "revoked", "expired", "missing", "malformed", "undecodable",
	"conflict", "resurrection refused", "unavailable", "reused",
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
	Err    error  // for Unavailable
}

// Stats counts what a manager has done since it was made.
type Stats struct {
	Created, LoggedIn, Renewed, Destroyed, Revoked, Expired, Missing, Malformed int64
	Undecodable, Conflicts, ResurrectionsRefused, Unavailable, Reused           int64

	Loads  int64 // sessions looked up in Redis
	Slides int64 // look-ups that extended the session
	Saves  int64 // changes stored
	Bytes  int64 // size of the stored sessions, without their headers

	Watching int64 // contexts of Watch that have not ended
}

// reporter counts events and passes them to the user's observer.
type reporter struct {
	notify func(Event) // nil without OnEvent; set once

	events                            [kinds]atomic.Int64
	loads, slides, saves, storedBytes atomic.Int64
}

func (r *reporter) report(ev Event) {
	r.events[ev.Kind].Add(1)
	if r.notify != nil {
		r.notify(ev)
	}
}

// countSave counts a session or a change that Redis has stored.
func (r *reporter) countSave(size int) {
	r.saves.Add(1)
	r.storedBytes.Add(int64(size))
}

func (r *reporter) stats() Stats {
	n := func(k Kind) int64 { return r.events[k].Load() }
	return Stats{
		Created: n(Created), LoggedIn: n(LoggedIn), Renewed: n(Renewed), Destroyed: n(Destroyed), Revoked: n(Revoked),
		Expired: n(Expired), Missing: n(Missing), Malformed: n(Malformed), Undecodable: n(Undecodable),
		Conflicts: n(Conflict), ResurrectionsRefused: n(ResurrectionRefused), Unavailable: n(Unavailable), Reused: n(Reused),
		Loads: r.loads.Load(), Slides: r.slides.Load(), Saves: r.saves.Load(), Bytes: r.storedBytes.Load(),
	}
}
