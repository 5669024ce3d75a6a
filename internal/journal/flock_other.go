//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package journal

import "os"

// lockable says that files can be locked here. A journal that two processes write to would lose evictions.
const lockable = false

func lock(*os.File) error { return errPlatform }
