//go:build !unix

package redistest

import (
	"os"
	"syscall"
)

// There is no redis-server for these platforms; the names only let packages
// that import this one compile, so that their other tests can run.
var (
	sigTerm  os.Signal = os.Kill
	sigPause os.Signal = syscall.Signal(0)
	sigCont  os.Signal = syscall.Signal(0)
)
