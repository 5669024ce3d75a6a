package main

import (
	"context"
	"errors"

	"github.com/alicebob/miniredis/v2"
	"github.com/jollyjet/aside/internal/redisserver"
)

// startServer starts a redis-server on a free loopback port, or a miniredis where there is none.
func startServer(ctx context.Context) (addr, what string, stop func(), err error) {
	server, err := redisserver.Start(ctx)
	if errors.Is(err, redisserver.ErrMissing) {
		mini, err := miniredis.Run()
		if err != nil {
			return "", "", nil, err
		}
		return mini.Addr(), "miniredis (no redis-server found)", mini.Close, nil
	}
	if err != nil {
		return "", "", nil, err
	}
	return server.Addr, server.Path + " on " + server.Addr, server.Stop, nil
}
