// Package wire carries calls to Redis and brings back what became of each.
//
// Invariant: after Run, Deliver or Gather every call has an outcome: a reply, or an error. An error of the whole wraps
// [ErrUnavailable] or is [ErrUnreplicated]. Calls are sent once; the server may carry out one that timed out at any later
// time. Many calls are sent in chunks, in their order, each with a timeout of its own.
//
// The package holds no lock while it calls another; the clock and the counters are atomic.
package wire
