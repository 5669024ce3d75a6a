package wire

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/internal/redisx"
)

func TestFirstError(t *testing.T) {
	one, two := errors.New("one"), errors.New("two")
	unreplicated := fmt.Errorf("of a batch: %w", ErrUnreplicated)
	for _, tt := range []struct{ first, next, want error }{
		{nil, nil, nil},
		{one, nil, one},
		{nil, two, two},
		{one, two, one},
		{unreplicated, nil, unreplicated},
		{nil, unreplicated, unreplicated},
		{unreplicated, two, two},
		{one, unreplicated, one},
		{unreplicated, ErrUnreplicated, ErrUnreplicated},
	} {
		require.Equal(t, tt.want, FirstError(tt.first, tt.next), "%v, %v", tt.first, tt.next)
	}
}

func TestUnavailableKeepsItsCause(t *testing.T) {
	err := Unavailable(context.DeadlineExceeded)
	require.ErrorIs(t, err, ErrUnavailable)
	require.ErrorIs(t, err, redisx.ErrUnavailable)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.NotErrorIs(t, err, ErrUnreplicated)
}

// redisError is an error that Redis has answered.
type redisError string

func (e redisError) Error() string { return string(e) }
func (redisError) RedisError()     {}

func TestAbsentIsNoKeyOrNoString(t *testing.T) {
	for err, want := range map[error]bool{
		redis.Nil:                      true,
		fmt.Errorf("x: %w", redis.Nil): true,
		redisError("WRONGTYPE Operation against a key holding the wrong kind of value"): true,
		redisError("NOPERM this user has no permissions"):                               false,
		redisError("ERR no WRONGTYPE"):                                                  false,
		context.Canceled:                                                                false,
	} {
		require.Equal(t, want, Absent(err), "%v", err)
	}
}
