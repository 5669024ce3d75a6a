// Package flight shares one piece of work among the callers that ask for it at the same time. It never gives a caller a
// result that may be older than its question.
//
// The work says, by [Round.Cover], up to which caller the thing that it does next is fresh, and its outcome carries
// that mark. Callers beyond the mark are not answered; they form the next round, which starts at once and covers them.
//
// golang.org/x/sync/singleflight is not enough here. It gives every caller the result of the work that is running, so
// one that comes after an eviction would receive what was read before it. It has no batches, where one call of the work
// answers several keys and each key can be joined by itself. Nor does the work learn that all its callers have left, so
// that it can stop.
//
// A Group has one mutex. It guards everything that the group, its calls and their waiters hold, and no function of the
// caller's runs while it is locked.
package flight
