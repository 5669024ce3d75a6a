// Package bench measures aside beside the way people do without it. Every figure is a ratio of two runs that took place
// at the same time, on the same Redis: run it with
//
//	make bench
package bench
