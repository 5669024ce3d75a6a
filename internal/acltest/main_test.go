package acltest

import (
	"context"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/jollyjet/aside/internal/redistest"
)

func TestMain(m *testing.M) {
	redis.SetLogger(silence{})
	redistest.Main(m)
}

// silence drops the log lines of go-redis about refused connections.
type silence struct{}

func (silence) Printf(context.Context, string, ...any) {}
