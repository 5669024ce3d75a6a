// Package scan walks all entries of a cache, by SCAN on one master after the other.
//
// Invariant: an entry that is there from the beginning to the end of a walk, and does not move between masters meanwhile, is
// found, also if the walk is broken off and goes on from its position in another process. A cursor is only used with the
// run of the server that gave it out.
//
// The package has no lock; a walk belongs to one goroutine.
package scan
