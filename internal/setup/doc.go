// Package setup has what the constructors of the public packages check and share: names, durations, functions that must be
// given, and the options of a connection to Redis. What is wrong with an option panics where the option is made, and the
// text begins with the public package's name and says what to write instead.
//
// A public package has one line for each option:
//
//	const options setup.Package = "store"
//
//	func Namespace(name string) Option { return connect(options.Namespace(name)) }
package setup
