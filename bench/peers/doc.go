// Package peers sets up aside and the libraries beside it, each the way its own documentation says, behind one shape, so
// that the same work can be given to all. The values are JSON everywhere, so that none is ahead by its encoding.
package peers
