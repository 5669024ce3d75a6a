//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package journal

import (
	"errors"
	"fmt"
	"os"
)

// takeLock fails: a journal that two processes write to would lose evictions.
func takeLock(path string) (*os.File, error) {
	return nil, fmt.Errorf("%s: locking files: %w", path, errors.ErrUnsupported)
}
