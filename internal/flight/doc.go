// Package flight shares one piece of work among the callers that ask for it at the same time, without ever giving a
// caller a result that may be older than its question.
//
// The usual single flight hands whatever the running work returns to everybody who waits. For a cache that is a bug:
// a caller who comes after an eviction must not receive what was read before it. So the work says, by
// [Round.Cover], up to which caller the thing it does next is fresh, and the outcome carries that mark. Callers
// beyond it are not answered; they form the next round, which starts at once and covers them.
package flight
