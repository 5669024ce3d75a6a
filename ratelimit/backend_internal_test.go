package ratelimit

import (
	"errors"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestUnanswered(t *testing.T) {
	for _, err := range []error{errors.New("the dialer's own"), os.ErrDeadlineExceeded, reply("LOADING Redis is loading"), reply("CLUSTERDOWN")} {
		require.True(t, unanswered(err), err)
	}
	for _, err := range []error{reply("WRONGTYPE"), reply("NOSCRIPT"), reply("MOVED 1 a:1"), reply("ERR Error running script: WRONGTYPE"), reply("OOM")} {
		require.False(t, unanswered(err), err)
	}
}

// reply is an error that Redis has answered.
type reply string

func (r reply) Error() string { return string(r) }
func (reply) RedisError()     {}
