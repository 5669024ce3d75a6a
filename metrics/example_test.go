package metrics_test

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/alicebob/miniredis/v2"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"

	"github.com/jollyjet/aside/cacheable"
	"github.com/jollyjet/aside/metrics"
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

	registry := prometheus.NewRegistry() // or prometheus.DefaultRegisterer
	registry.MustRegister(metrics.New(st))

	price := cacheable.New(st, "price", func(context.Context, string) (int, error) { return 12900, nil })
	for range 3 {
		_, _ = price.Get(context.Background(), "shoe")
	}
	families, _ := registry.Gather()
	for _, f := range families {
		if f.GetName() == "aside_requests_total" {
			for _, m := range f.GetMetric() {
				if n := m.GetCounter().GetValue(); n > 0 {
					fmt.Println(m.GetLabel()[2].GetValue(), n)
				}
			}
		}
	}
	// Output:
	// hit 2
	// miss 1
}
