// Package store is the one place that talks to Redis for caching. Its users open a [Store] and hand it to the
// decorators of packages cacheable and evict; the rest of its API is what such decorators are written with.
//
// # How an entry lives
//
// An entry is one string key, "namespace:{name:key}". It holds a value, a negative result, the lease of a loader, or
// the hold of a writer. A load takes the lease of an absent key, runs, and fills the key only if the lease is still
// there. An eviction removes whatever stands under the key, and so also the lease: what was read before an eviction
// can't be stored after it.
//
// # Tags
//
// A tag has a generation: a random number under a key of its own. An entry remembers the generations that its tags
// had before its load began and is a hit only while they are the same. Evicting a tag removes its generation, the
// next load starts another; a generation that Redis loses (expiry, full memory, FLUSHALL) counts as evicted. So an
// eviction costs one command whatever the tag holds, no two clocks are compared, and nothing that is lost can bring
// an evicted value back.
//
// Tags that only the value tells are not known before its load. For them every tag belongs to one of sixteen groups with
// generations of their own, and whatever is done to a tag is first done to its group. A load takes note of all groups;
// when it has the value it settles the generations of the value's tags, and then looks whether their groups are still
// the same. An eviction during the load has changed either the one or the other.
//
// # Trouble
//
// The store uses a client of its own, made from the options of the client that it is given, with short timeouts and
// no retries. A command that fails never fails a read: the decorators go to the loader. An eviction that fails is
// kept, and repeated until it succeeds; until then this node reads the keys concerned from the source. Other nodes may
// read from Redis what was there. When too many evictions are kept, or for too long, they become one of everything
// ([QueueLimit], [QueueAge]). They end with the process, unless it has a [Journal]; [Store.Shutdown] tells how many did.
//
// # Older data
//
// Redis may come back with an older state, which undoes evictions that it had confirmed: it restarts from disk, or a
// replica is promoted that lacks the last writes. So each node remembers its evictions of late ([Remember]) and repeats
// them when a server turns out to be another run, or to have another replication history. Every connection asks for that
// (INFO) together with its first command, and again with a command each second; no reply is used before the answer is
// known. Thus a node never reads what it had evicted itself. Other nodes may read it from when Redis is back until the node
// that had evicted it has noticed, which takes a tenth of a second as a rule, or two seconds on a node that reads nothing
// meanwhile.
//
// # One address, several servers
//
// Behind a name, a balancer or Sentinel, an address leads to another server one day, while older connections go on to reach
// the former one. What a replica says is not used ([AllowReplicaReads]), nor what a server says to an older connection
// when newer ones reach another: the connection is closed and the command sent once more, over a new one. So that this is
// noticed although no connection fails, each store makes a new one about once a second. A node may read what was evicted
// on the new server for two seconds at most; the node that evicted it never does.
//
// What is not covered by that: evictions of a process that is gone, and those that are older than what is remembered;
// [Distrust] covers them. A master that was cut off from Sentinel or from its Cluster, but not from a node, confirms
// evictions to it that are lost when it is demoted, and serves old values to it until then: set min-replicas-to-write,
// or have evictions wait for replicas ([WaitForReplicas]). A server that runs on but exchanges its data, as by REPLICAOF
// typed by hand, is noticed within two seconds. A server that refuses INFO is never noticed ([RecoveryStats]).
package store
