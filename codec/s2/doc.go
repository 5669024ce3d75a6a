// Package s2 compresses the output of another codec with S2, a faster
// extension of Snappy. It takes less time than package zstd and compresses
// less.
package s2
