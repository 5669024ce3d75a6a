// Package journal keeps a set of evictions that wait in a file, so that a process that dies with some of them finds them
// at its next start. The file is a list of records, each with a checksum: an eviction waits, or is carried out. What is
// synced is there after a crash; a record that the crash cut short at the end of the file is no damage.
package journal
