package redistest

import (
	"context"
	"os"
	"strings"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
)

// ExampleEnv names the Redis that [Example] uses in place of an in-process one, as a URL: of one node, or with
// further nodes as addr of a Cluster. Its default user must be allowed FLUSHALL without a password.
const ExampleEnv = "ASIDE_EXAMPLE_REDIS"

// Example returns a client for an example and what ends it. The Redis is empty, and a miniredis unless [ExampleEnv]
// names another. An example has no testing.TB, so failures panic.
func Example() (rdb redis.UniversalClient, done func()) {
	if url := os.Getenv(ExampleEnv); url != "" {
		rdb = clientOf(url)
		empty(url)
		return rdb, func() { _ = rdb.Close() }
	}
	server := miniredis.NewMiniRedis()
	if err := server.Start(); err != nil {
		panic(err)
	}
	rdb = redis.NewClient(&redis.Options{Addr: server.Addr()})
	return rdb, func() {
		_ = rdb.Close()
		server.Close()
	}
}

func clientOf(url string, change ...func(user, password *string)) redis.UniversalClient {
	if strings.Contains(url, "addr=") {
		o, err := redis.ParseClusterURL(url)
		if err != nil {
			panic(err)
		}
		for _, f := range change {
			f(&o.Username, &o.Password)
		}
		return redis.NewClusterClient(o)
	}
	o, err := redis.ParseURL(url)
	if err != nil {
		panic(err)
	}
	for _, f := range change {
		f(&o.Username, &o.Password)
	}
	return redis.NewClient(o)
}

// empty removes all keys, as the default user.
func empty(url string) {
	rdb := clientOf(url, func(user, password *string) { *user, *password = "", "" })
	defer func() { _ = rdb.Close() }()
	err := error(nil)
	switch rdb := rdb.(type) {
	case *redis.ClusterClient:
		err = rdb.ForEachMaster(context.Background(), func(ctx context.Context, master *redis.Client) error {
			return master.FlushAll(ctx).Err()
		})
	default:
		err = rdb.FlushAll(context.Background()).Err()
	}
	if err != nil {
		panic(err)
	}
}
