package store_test

import (
	"context"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/store"
)

func TestAnOpenBreakerCostsNoWaiting(t *testing.T) {
	const timeout = time.Second
	server := redistest.Start(t)
	st, err := store.Open(t.Context(), server.Client(t), store.Namespace("b"), store.Timeout(timeout),
		store.Logger(slog.New(slog.DiscardHandler)))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, st.Close()) })
	cache := st.Engine().Entries.Cache("cell", 1, time.Minute)
	read := func() error {
		ref := cache.Ref(cache.Key("k"), nil)
		_, err := cache.Read(context.Background(), &ref)
		return err
	}
	require.Eventually(t, func() bool { return read() == nil }, soon, often)

	server.Pause()
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() { assert.ErrorIs(t, read(), store.ErrUnavailable) })
	}
	wg.Wait()
	require.Len(t, st.Stats().Breakers.Open, 1)
	began := time.Now()
	for range 1000 {
		require.ErrorIs(t, read(), store.ErrUnavailable)
	}
	require.Less(t, time.Since(began), 15*timeout, "a thousand reads do not take as long as fifteen timeouts")

	server.Resume()
	require.Eventually(t, func() bool { return read() == nil }, soon, often)
	require.Eventually(t, func() bool { return len(st.Stats().Breakers.Open) == 0 }, soon, often)
	require.EqualValues(t, 1, st.Stats().Breakers.Trips)
}
