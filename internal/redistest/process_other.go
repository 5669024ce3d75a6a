//go:build !linux

package redistest

import "syscall"

// dieWithParent does nothing: if the test binary is killed, its servers survive.
func dieWithParent() *syscall.SysProcAttr { return nil }

func halted(int) bool { return true }
