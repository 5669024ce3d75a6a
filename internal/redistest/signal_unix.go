//go:build unix

package redistest

import (
	"os"
	"syscall"
)

var (
	sigTerm  os.Signal = syscall.SIGTERM
	sigPause os.Signal = syscall.SIGSTOP
	sigCont  os.Signal = syscall.SIGCONT
)
