// Package s2 compresses what another codec makes with S2, a faster extension
// of Snappy. It costs less time than package zstd and shrinks less.
package s2
