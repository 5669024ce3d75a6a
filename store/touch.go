package store

import (
	"context"
	"time"

	"github.com/jollyjet/aside/internal/envelope"
)

// Touch lets the value under a key live for at least d from now on; see [Result.Idle]. Anything but a value is left as it
// is. The error wraps [ErrUnavailable].
func (p *Space) Touch(ctx context.Context, key Key, d time.Duration) error {
	if p.st.life.closed.Load() {
		return ErrClosed
	}
	return p.st.run(ctx, &call{Script: touchScript, Key: key.addr, Args: []any{envelope.ValuePrefix(), d.Milliseconds()}})
}
