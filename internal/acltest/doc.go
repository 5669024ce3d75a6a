// Package acltest has tests only: that the rules in docs/operations.md let a user do all that a package does, and
// nothing that it does not need. They fail when a package begins to use another command.
package acltest
