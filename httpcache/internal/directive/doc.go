// Package directive reads Cache-Control: of requests and answers (RFC 9111, section 5.2), of stale answers (RFC 5861), and
// the fields that are meant for one kind of cache only (RFC 9213).
//
// What is doubtful is read as the directive that keeps an answer from being used: a lifetime that is no number is zero, of
// two values the smaller one holds (of max-stale, too), and "no-store=0" is no-store. Names are in any case.
//
// A targeted field is a dictionary of structured fields, read with github.com/dunglas/httpsfv: it follows RFC 9651, needs
// nothing itself, and keeps up with the working group's test suite. One error makes the whole field void, as RFC 9213,
// section 2.1 has it; the next target, or Cache-Control, is read instead.
package directive
