// Package journal keeps pending evictions in a file, so that a process that dies finds them at its next start. The file is
// a list of records, each with a checksum: an eviction is pending, or it is done.
//
// Invariant: everything that was written before [Journal.Sync] returned is found after a crash. A record at the end of the
// file that a crash cut short is not damage. Lock order: Journal.syncing before Journal.mu.
package journal
