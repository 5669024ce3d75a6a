// Package redisx is how aside's packages talk to Redis: a client of their own, made from the user's.
//
//   - A command is sent once, ends with its caller's context and within one time-out, and its outcome is always known:
//     [Client.Do], [Run], [Node.DoAll]. Pipelines are sent in one place, [Node]'s exchange.
//   - A connection knows whom it reaches, and what a replica or a former server says is not used: conn.go, endpoint.go,
//     and scout.go, which makes a new connection now and then to see where the address leads.
//   - Commands of many callers share pipelines, one node at a time: batcher.go. Large values do not: large.go.
//   - While a node of a Cluster does not answer, the slots are loaded again: discovery.go.
//   - What Redis refuses is said once for each cause: refusals.go.
//   - Lua scripts work on keys of one slot, and so on any node of a Cluster: script.go.
//
// Lock order: an endpoint's mu, a batcher's mu, discovery's mu and a client's mu are never held while another of them is
// taken, but for a client's, which may be taken last. The list of endpoints has a lock of its own, taken before an
// endpoint's. A [Watcher] is called with none of them held.
package redisx
