// Package faulttest tests how the packages of this module behave together when Redis refuses, hangs, fails over or comes
// back. The tests use only the public API and real servers. Each test states what must hold, and logs what it measured.
package faulttest
