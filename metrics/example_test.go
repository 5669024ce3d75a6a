package metrics_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"

	"github.com/jollyjet/aside/cacheable"
	"github.com/jollyjet/aside/metrics"
	"github.com/jollyjet/aside/ratelimit"
	"github.com/jollyjet/aside/store"
)

func ExampleNew() {
	server := miniredis.NewMiniRedis()
	if err := server.Start(); err != nil {
		panic(err)
	}
	defer server.Close()
	rdb := redis.NewClient(&redis.Options{Addr: server.Addr()})
	defer func() { _ = rdb.Close() }()
	st, err := store.Open(context.Background(), rdb, store.Namespace("shop"), store.Logger(slog.New(slog.DiscardHandler)))
	if err != nil {
		panic(err)
	}
	defer func() { _ = st.Close() }()

	mails := ratelimit.New(rdb, ratelimit.TokenBucket(ratelimit.Per(100, time.Hour), 10), ratelimit.Name("mails"))
	defer func() { _ = mails.Close() }()

	registry := prometheus.NewRegistry() // or prometheus.DefaultRegisterer
	registry.MustRegister(metrics.New(st), metrics.Limiter(mails))

	price := cacheable.New(st, "price", func(context.Context, string) (int, error) { return 12900, nil })
	for range 3 {
		_, _ = price.Get(context.Background(), "shoe")
	}
	_, _ = mails.Allow(context.Background(), "ann")
	families, _ := registry.Gather()
	for _, f := range families {
		if !strings.HasSuffix(f.GetName(), "requests_total") && !strings.HasSuffix(f.GetName(), "decisions_total") {
			continue
		}
		for _, m := range f.GetMetric() {
			if n := m.GetCounter().GetValue(); n > 0 {
				fmt.Println(f.GetName(), n)
				for _, label := range m.GetLabel() {
					fmt.Printf("  %s=%q\n", label.GetName(), label.GetValue())
				}
			}
		}
	}
	// Output:
	// aside_ratelimit_decisions_total 1
	//   limiter="mails"
	//   namespace="aside"
	//   policy="bucket 100/1h burst=10"
	//   result="allowed"
	//   route=""
	// aside_requests_total 2
	//   cache="price"
	//   namespace="shop"
	//   result="hit"
	// aside_requests_total 1
	//   cache="price"
	//   namespace="shop"
	//   result="miss"
}
