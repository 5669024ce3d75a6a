// Package redisx is how aside's packages talk to Redis: a client of their own, made from the user's, with timeouts that
// hold and no retries, and Lua scripts that work on one key and so on any node of a Cluster.
package redisx
