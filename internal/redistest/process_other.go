//go:build !linux

package redistest

import "syscall"

// dieWithParent has no counterpart here: servers of a killed test binary stay
// behind.
func dieWithParent() *syscall.SysProcAttr { return nil }

func halted(int) bool { return true }
