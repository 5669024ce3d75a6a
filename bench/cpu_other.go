//go:build !unix

package bench

import (
	"errors"
	"time"
)

func cpu() (time.Duration, error) { return 0, errors.ErrUnsupported }
