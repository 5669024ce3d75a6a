// Package tracking learns from Redis which keys of the namespace have changed, whoever changed them: one connection per
// master has CLIENT TRACKING switched on in broadcast mode.
//
// Invariant: while [Tracker.Status] reports up and the same epoch, no change of a key went unreported in between, but for
// those that are still on their way. Every doubt begins a new epoch: a connection that broke, a master that came or left,
// a flush.
//
// Lock order: Tracker.mu before watchers.mu. Config.Start may be called with Tracker.mu held; Config.Changed is called
// without a lock.
package tracking
