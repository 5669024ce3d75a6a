package main

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/jollyjet/aside/bench/peers"
)

// stat sums some numbers of INFO stats.
func (l *lab) stat(ctx context.Context, fields ...string) (sum int64, err error) {
	info, err := l.rdb.InfoMap(ctx, "stats").Result()
	if err != nil {
		return 0, err
	}
	for _, field := range fields {
		n, err := strconv.ParseInt(info["Stats"][field], 10, 64)
		if err != nil {
			return 0, fmt.Errorf("INFO %s: %w", field, err)
		}
		sum += n
	}
	return sum, nil
}

// lookups is how many keys Redis was asked for.
func (l *lab) lookups(ctx context.Context) (int64, error) {
	return l.stat(ctx, "keyspace_hits", "keyspace_misses")
}

// quiet waits until nobody but itself sends commands: some peers store in the background, which must not be charged to
// whoever is next.
func (l *lab) quiet(ctx context.Context) error {
	last := int64(0)
	for range 100 {
		n, err := l.stat(ctx, "total_commands_processed")
		if err != nil || n == last+1 {
			return err
		}
		last = n
		time.Sleep(2 * time.Millisecond)
	}
	return nil // something is always there, such as a probe; so be it
}

// versions says what was compared.
func versions(ctx context.Context, rdb *redis.Client) ([]string, error) {
	info, err := rdb.InfoMap(ctx, "server").Result()
	if err != nil {
		return nil, err
	}
	module := map[string]string{}
	if build, ok := debug.ReadBuildInfo(); ok {
		for _, m := range build.Deps {
			module[m.Path] = m.Version
			if m.Replace != nil {
				module[m.Path] = "of this tree"
			}
		}
	}
	var list []string
	for _, p := range peers.All() {
		entry := strings.TrimPrefix(p.Module, "github.com/") + " " + module[p.Module]
		if !slices.Contains(list, entry) {
			list = append(list, entry)
		}
	}
	return []string{
		"Versions: " + strings.Join(list, ", ") + ".",
		fmt.Sprintf("On %s, Redis %s on loopback, %d processors for both. Ratios are of the "+
			"fastest tenth of many short turns in the same run; they carry over to other machines, times don't.", runtime.Version(), info["Server"]["redis_version"], runtime.GOMAXPROCS(0)),
	}, nil
}
