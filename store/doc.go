// Package store opens a namespace in Redis. A [Store] is what the decorators of packages cacheable and evict need; the
// engine that they run on is in internal/engine and the rooms below it, each with a doc.go of its own.
//
// # How an entry lives
//
// An entry is one string key, "namespace:{name:key}". It holds a value, a negative result, the lease of a loader, or
// the hold of a writer. A load takes the lease of an absent key, runs, and fills the key only if the lease is still
// there. An eviction removes whatever stands under the key, and so also the lease: what was read before an eviction
// can't be stored after it.
//
// A tag has a version, a random number under a key of its own. An entry holds the versions that its tags had before its
// load began, and is a hit only while they are the same. Evicting a tag removes its version. A version that Redis loses
// counts as evicted, so nothing that is lost brings an evicted value back.
//
// # Trouble
//
// The store uses a client of its own, made from the options of the client that it is given, with short timeouts and
// no retries. A command that fails never fails a read: the decorators go to the loader. An eviction that fails is
// queued and repeated until it succeeds; until then this node reads the keys concerned from the source, while other nodes may
// still read the old value from Redis. When too many evictions wait, or for too long, they become one of everything
// ([QueueLimit], [QueueAge]). They end with the process, unless it has a [Journal]; [Store.Shutdown] tells how many did.
//
// # Older data
//
// Redis may come back with older data: it restarts from disk, or a replica is promoted that lacks the last writes. Each
// node remembers its recent evictions ([Remember]) and repeats them when a server turns out to have other data. Every
// connection asks for that (INFO) with its first command and then each second; no reply is used before the answer is known.
// So a node never reads what it had evicted itself. Other nodes may, until the node that evicted has noticed: a tenth of a
// second as a rule, two seconds on a node that reads nothing meanwhile.
//
// An address may lead to another server one day, while older connections still reach the former one. Replies of a
// replica are not used ([AllowReplicaReads]), nor replies over an older connection once newer ones reach another server.
// Each store makes a new connection about once a second, so that this is noticed within two seconds.
//
// Not covered: evictions of a process that is gone, or older than what is remembered ([Distrust] covers both); a master that
// is cut off and confirms evictions before it is demoted (set min-replicas-to-write, or use [WaitForReplicas]); a server
// that refuses INFO ([RecoveryStats]).
package store
