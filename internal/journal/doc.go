// Package journal keeps pending evictions in a file, so that a process that dies finds them at its next start. The file is
// a list of records, each with a checksum: an eviction is pending, or it is done.
//
// The file belongs to the file system, where anybody may truncate, rename, replace or fill up what is below it. So the
// pending evictions are in memory too, and [Journal.Sync] makes the file say what memory says: it compares the open file
// with the one at the path, and writes what is missing. No fault is final: a Sync after it repairs the file.
//
// Invariant: everything that was recorded before a [Journal.Sync] returned nil is found after a crash. A record at the end of
// the file that a crash cut short is not damage. Two processes never write to one file: it is written only while it is
// locked, and is what the path leads to.
//
// Lock order: Journal.io before Journal.mu. No input or output happens while mu is held.
package journal
