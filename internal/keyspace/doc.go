// Package keyspace names the keys of a namespace in Redis, and reads such names back.
//
// Invariant: two different entries, tags or caches never share a key. Whatever belongs to one entry carries the same hash
// tag, so that it shares a slot of a Redis Cluster. The names are a contract with other versions of the program, which
// use the same Redis: changing one makes every entry a miss and every eviction by an older process ineffective.
//
// The package holds no state and needs no lock.
package keyspace
