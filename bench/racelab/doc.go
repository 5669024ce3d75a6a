// Package racelab races readers against writers on several nodes, and judges what the readers saw. It is the proof of
// the promise that a read which begins after an eviction has returned never sees an older value.
package racelab
