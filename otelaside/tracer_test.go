package otelaside_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/jollyjet/aside/cacheable"
	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/store"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/jollyjet/aside/otelaside"
)

func TestMain(m *testing.M) { redistest.Main(m) }

// lab is a store whose spans are recorded.
type lab struct {
	st       *store.Store
	recorder *tracetest.SpanRecorder
	tracer   trace.Tracer
}

func newLab(t *testing.T, rdb redis.UniversalClient, namespace string) *lab {
	t.Helper()
	recorder := tracetest.NewSpanRecorder()
	provider := sdk.NewTracerProvider(sdk.WithSpanProcessor(recorder))
	st, err := store.Open(t.Context(), rdb, store.Namespace(namespace), store.Timeout(5*time.Second),
		store.Logger(slog.New(slog.DiscardHandler)), store.Trace(otelaside.New(provider)))
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, st.Close())
		require.NoError(t, provider.Shutdown(context.Background()))
	})
	return &lab{st, recorder, provider.Tracer("test")}
}

// ended waits until n spans have ended in total, and returns the last.
func (l *lab) ended(t *testing.T, n int) sdk.ReadOnlySpan {
	t.Helper()
	require.Eventually(t, func() bool { return len(l.recorder.Ended()) >= n }, 15*time.Second, 2*time.Millisecond)
	spans := l.recorder.Ended()
	require.Len(t, spans, n)
	return spans[n-1]
}

func attributesOf(span sdk.ReadOnlySpan) map[attribute.Key]any {
	all := make(map[attribute.Key]any)
	for _, kv := range span.Attributes() {
		all[kv.Key] = kv.Value.AsInterface()
	}
	return all
}

var (
	errNone = errors.New("no rows")
	errDown = errors.New("database down")
)

func TestALoadIsAChildOfTheCallersSpan(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		l := newLab(t, rdb, redistest.Unique(t))
		var inLoader trace.SpanContext
		c := cacheable.New(l.st, "product", func(ctx context.Context, key string) (string, error) {
			inLoader = trace.SpanContextFromContext(ctx)
			switch key {
			case "none":
				return "", errNone
			case "down":
				return "", errDown
			}
			return key, nil
		}, cacheable.NotFound(func(err error) bool { return errors.Is(err, errNone) }, time.Minute))

		ctx, caller := l.tracer.Start(t.Context(), "caller")
		_, err := c.Get(ctx, "k")
		require.NoError(t, err)
		load := l.ended(t, 1)
		_, err = c.Get(ctx, "k")
		require.NoError(t, err)
		l.ended(t, 1) // a hit has no span
		require.Equal(t, "aside load", load.Name())
		require.Equal(t, caller.SpanContext().SpanID(), load.Parent().SpanID())
		require.Equal(t, caller.SpanContext().TraceID(), load.SpanContext().TraceID())
		require.Equal(t, load.SpanContext().SpanID(), inLoader.SpanID(), "what the loader does is below it")
		require.Equal(t, map[attribute.Key]any{
			otelaside.Namespace: l.st.Namespace(), otelaside.Cache: "product", otelaside.Source: "miss", otelaside.Keys: int64(1),
		}, attributesOf(load))
		require.Equal(t, codes.Unset, load.Status().Code)
		require.Empty(t, load.Events())

		_, err = c.Get(ctx, "down")
		require.ErrorIs(t, err, errDown)
		failed := l.ended(t, 2)
		require.Equal(t, sdk.Status{Code: codes.Error, Description: "database down"}, failed.Status())
		require.Len(t, failed.Events(), 1)
		require.Equal(t, "exception", failed.Events()[0].Name)

		_, err = c.Get(ctx, "none")
		require.ErrorIs(t, err, errNone)
		absent := l.ended(t, 3)
		require.Equal(t, codes.Unset, absent.Status().Code, "an absence is not an error")
		require.Empty(t, absent.Events())
		require.Equal(t, true, attributesOf(absent)[otelaside.Absent])

		_, err = c.Refresh(ctx, "k")
		require.NoError(t, err)
		require.Equal(t, "refresh", attributesOf(l.ended(t, 4))[otelaside.Source])
	})
}

func TestEvictionsHaveSpans(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		l := newLab(t, rdb, redistest.Unique(t))
		ctx, caller := l.tracer.Start(t.Context(), "caller")
		require.NoError(t, l.st.Evict(ctx, l.st.Tag("a"), l.st.Tag("b")))
		evict := l.ended(t, 1)
		require.Equal(t, "aside evict", evict.Name())
		require.Equal(t, caller.SpanContext().SpanID(), evict.Parent().SpanID())
		require.Equal(t, map[attribute.Key]any{
			otelaside.Namespace: l.st.Namespace(), otelaside.Kind: "tag", otelaside.Keys: int64(2),
		}, attributesOf(evict))

		gone, cancel := context.WithCancel(ctx)
		cancel()
		require.ErrorIs(t, l.st.Evict(gone, l.st.Tag("a")), store.ErrQueued)
		queued := l.ended(t, 2)
		require.Equal(t, codes.Error, queued.Status().Code)
	})
}

func TestAWaitForAnotherProcessHasASpan(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		namespace := redistest.Unique(t)
		a, b := newLab(t, rdb, namespace), newLab(t, rdb, namespace)
		loading, finish := make(chan struct{}), make(chan struct{})
		slow := cacheable.New(a.st, "c", func(context.Context, string) (int, error) { close(loading); <-finish; return 7, nil })
		c := cacheable.New(b.st, "c", func(context.Context, string) (int, error) { return 0, errDown })
		ctx, caller := b.tracer.Start(t.Context(), "caller")
		done := make(chan struct{}, 2)
		go func() { defer func() { done <- struct{}{} }(); _, _ = slow.Get(context.Background(), "k") }()
		<-loading
		go func() {
			defer func() { done <- struct{}{} }()
			if v, err := c.Get(ctx, "k"); v != 7 || err != nil {
				t.Error(v, err)
			}
		}()
		require.Eventually(t, func() bool { return b.st.Stats().Caches["c"].Waits == 1 }, 15*time.Second, 2*time.Millisecond)
		close(finish)
		<-done
		<-done
		wait := b.ended(t, 1)
		require.Equal(t, "aside wait", wait.Name())
		require.Equal(t, caller.SpanContext().SpanID(), wait.Parent().SpanID())
		require.Equal(t, "c", attributesOf(wait)[otelaside.Cache])
	})
}

// A load in the background ends long after the read that started it.
func TestALoadInTheBackgroundIsLinkedToTheRead(t *testing.T) {
	l := newLab(t, redistest.Start(t).Client(t), "n")
	c := cacheable.New(l.st, "c", func(context.Context, string) (int, error) { return 7, nil },
		cacheable.RefreshAhead(0.0001), cacheable.TTL(time.Minute))
	ctx, caller := l.tracer.Start(t.Context(), "caller")
	require.Eventually(t, func() bool {
		_, err := c.Get(ctx, "k")
		return err == nil && l.st.Stats().Caches["c"].Refreshes > 0
	}, 15*time.Second, 2*time.Millisecond)
	require.Eventually(t, func() bool { return len(l.recorder.Ended()) >= 2 }, 15*time.Second, 2*time.Millisecond)
	load := l.recorder.Ended()[1]
	require.Equal(t, "ahead", attributesOf(load)[otelaside.Source])
	require.False(t, load.Parent().IsValid())
	require.NotEqual(t, caller.SpanContext().TraceID(), load.SpanContext().TraceID())
	require.Len(t, load.Links(), 1)
	require.Equal(t, caller.SpanContext().SpanID(), load.Links()[0].SpanContext.SpanID())
}

func TestNewRefusesNil(t *testing.T) {
	require.PanicsWithValue(t, "otelaside: New: the provider is nil; use otel.GetTracerProvider()", func() { otelaside.New(nil) })
}
