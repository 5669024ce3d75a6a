//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package journal

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// lockable says that files can be locked here.
const lockable = true

// lock locks the file that f has open. The lock ends when f is closed, or the process is gone.
func lock(f *os.File) error {
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) //nolint:gosec // a descriptor is a small number
		switch {
		case err == nil:
			return nil
		case errors.Is(err, syscall.EINTR): // a signal, not an answer
		case errors.Is(err, syscall.EWOULDBLOCK):
			return fmt.Errorf("%s: %w", f.Name(), ErrLocked)
		default:
			return fmt.Errorf("%s: flock: %w", f.Name(), err)
		}
	}
}
