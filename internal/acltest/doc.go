// Package acltest contains only tests: the ACL rules in docs/operations.md allow a user everything that a package needs, and
// nothing else. They fail when a package starts to use another command.
package acltest
