package session

import "crypto/subtle"

// belongs reports whether the token has the locator of the session's user. Any other locator would look in the wrong
// set of sessions.
func (t *token) belongs(r *record) bool {
	if r.body.user == "" {
		return !t.bound
	}
	return t.bound && t.locator == locatorOf(r.body.user)
}

// admits reports whether the token is valid for the session as it is now, at the time now of the session's server. A
// replaced id is valid during its grace period.
func (t *token) admits(r *record, now int64) bool {
	if !t.belongs(r) {
		return false
	}
	hash := t.hash()
	return t.anyID || same(hash, r.hash) || r.hasPrevious && same(hash, r.previous) && r.previousGood > now
}

func same(a, b [32]byte) bool { return subtle.ConstantTimeCompare(a[:], b[:]) == 1 }
