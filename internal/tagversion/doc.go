// Package tagversion tells whether anything that an entry depends on was evicted.
//
// The namespace, each cache and each tag has a version: a random number under a key of its own. An entry holds the versions
// that it depends on, as they were before its load began. Evicting a tag removes its version; a version that is missing
// counts as evicted.
//
// # Tags that only the value tells
//
// Such tags are not known when the load begins, so their versions can't be read then. Instead every tag belongs to one of
// sixteen buckets, which have versions of their own, and whatever is done to a tag is first done to its bucket. A load reads
// the versions of all buckets. When it has its value, it reads or begins the versions of the value's tags, and then reads
// their buckets again: if a bucket has changed, or was held at either time, a tag of the value may have been evicted
// during the load, and the value is not stored. More buckets would let fewer loads suffer from evictions of unrelated tags.
//
// # Evictions that take effect together
//
// Caches may read each other. If outer and inner are evicted one after the other, outer may be loaded in between from the old
// inner, and stays. [Versions.Together] holds all keys at one moment: what is loaded after it rests on nothing older.
//
// # Invariant
//
// A version is used without asking Redis only while tracking vouches for it: it was read in the present epoch, and no change
// of it was reported since that read began. Without tracking it is used for Config.Trust at most. What was read before a
// change is never learned after it (Version.changes).
//
// # Lock order
//
// Versions.mu, knownTags.mu and Version.mu are taken one at a time. None is held while another package is called.
package tagversion
