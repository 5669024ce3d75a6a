// Package breaker stops sending commands to a master that does not answer. No caller waits for such a master: while its
// breaker is open a goroutine probes it in the background, and closes the breaker when it answers.
//
// Invariants: while a breaker is open exactly one goroutine probes its master, unless the owner has closed. The events of
// one master, [Config.OnOpen], [Config.OnClose] and [Config.Closed], come from that goroutine, so they come one at a time,
// in order, and delay no caller.
//
// Lock order: a breaker's lock comes before that of gobreaker. The lock of [Set] is never held together with them. No lock
// is held while an event or [Config.Go] runs.
package breaker
