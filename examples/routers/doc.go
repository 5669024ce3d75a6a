// Package routers limits the routes of chi, gin and echo by one table of rules, from ratelimit. It is a module of its own, so
// the library does not depend on them.
//
// A table's Middleware finds the rule by the path, in front of any router. Where the router knows better, Table.For names the
// rule at the route or group. Both are middleware of net/http, which chi takes as it is. Gin and echo have middleware of
// their own; [Gin] and [Echo] turn one into the other.
package routers
