// Package faulttest has tests of what the packages of this module do together when Redis refuses, hangs, or is corrected
// again. They use the public API alone, and real servers. Each test states what must hold, and logs what it measured.
package faulttest
