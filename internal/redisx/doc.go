// Package redisx is how aside's packages talk to Redis: a client of their own, made from the user's.
//
// # Invariants
//
//   - A command is sent once, ends with its caller's context and within one time-out, and always has an outcome:
//     [Client.Do], [Run], [Node.DoAll]. Pipelines are sent in one place, exchange.go.
//   - Identity is a property of a connection. A connection finds out which server it reaches before a reply is used, and
//     replies of a replica or of a former server are not used: internal/endpoint. A client in use makes a new connection
//     every second to see where its address leads: scout.go, probe.go.
//   - Commands of many callers share pipelines, one node at a time: autopipeline.go decides, batcher.go sends. Large values do
//     not: large.go.
//   - While a node of a Cluster does not answer, the slots are reloaded: discovery.go.
//   - A refusal of Redis is logged once for each cause: internal/refusals.
//   - Lua scripts work on keys of one slot, and so on any node of a Cluster: script.go.
//
// # Structure
//
// A [Client] composes parts that do not know it, each with what it needs: work (goroutines, time-outs, Close), topology
// (which node has a key), [Node] (one server), sharing, direct and batcher (how commands get there), hooks, scout. Below
// them are packages without a client: internal/resp (frames), internal/rediserr (what an error means), internal/endpoint
// and internal/refusals.
//
// # Lock order
//
//   - endpoint.Set.mu before endpoint.Endpoint.mu;
//   - batcher.mu before work.mu;
//   - discovery.mu before work.mu.
//
// No other lock is taken while one of these is held. refusals.Log.mu, and the one in topology.load, are taken alone.
// A [Watcher], a [Breaker], a logger and the user's hooks are called with none of them held.
package redisx
