// Package engine is what the decorators of this module are built on. It joins the packages that one open store consists
// of; package store makes them.
//
// It has no state of its own. Each package below it owns one idea, has a Config of its own, and calls upwards only through
// functions in that Config. Each documents its invariant and its locks.
//
// # Layers
//
// Each line is a layer; a package imports packages of lower layers, never of its own:
//
//	engine
//	checkpoint  entry  scan
//	eviction
//	outbox
//	tagversion
//	dataset  tracking
//	breaker  lua  memorypolicy  setup  wire
//	redisx
//	clientip  envelope  fidelity  flight  histogram  journal  keyspace  lifecycle  lru  pause  slicesx  tracing
//	background
//
// # Lock order
//
// Locks of different packages are taken in this order: dataset.Detector.mu, outbox.Outbox.mu, then those of packages tagversion,
// journal and lifecycle. tracking.Tracker.mu is taken before that of lifecycle, and with none of the others held.
package engine
