// Package resp finds where the frames of RESP 2 and 3 end. It reads no further than a caller needs who puts a command of
// its own in front of others: see the protocol specification of Redis.
package resp
