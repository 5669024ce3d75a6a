package tracing

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type contextKey struct{}

// tape keeps what a tracer is told.
type tape struct {
	starts    []Start
	ends      []End
	ended     []context.Context
	recovered []any
}

func (r *tape) tracer() *Tracer {
	return &Tracer{
		Namespace: "shop",
		Start: func(ctx context.Context, start Start) context.Context {
			r.starts = append(r.starts, start)
			return context.WithValue(ctx, contextKey{}, len(r.starts))
		},
		End: func(ctx context.Context, end End) {
			r.ends, r.ended = append(r.ends, end), append(r.ended, ctx)
		},
		Recovered: func(what string, value any) { r.recovered = append(r.recovered, what, value) },
	}
}

func TestASpanIsToldFromBeginningToEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, failed := &tape{}, errors.New("failed")
		ctx, span := r.tracer().Begin(t.Context(), Start{Operation: Load, Cache: "product", Cause: CauseMiss, Keys: 2})
		require.Equal(t, []Start{{Operation: Load, Namespace: "shop", Cache: "product", Cause: CauseMiss, Keys: 2}}, r.starts)
		require.Equal(t, 1, ctx.Value(contextKey{}), "the work has the tracer's context")
		time.Sleep(3 * time.Second)
		span.Finish(failed, true)
		require.Equal(t, []End{{Operation: Load, Err: failed, Absent: true, Took: 3 * time.Second}}, r.ends)
		require.Equal(t, ctx, r.ended[0], "and so has the end")
	})
}

func TestASpanEndsOnce(t *testing.T) {
	r := &tape{}
	_, span := r.tracer().Begin(t.Context(), Start{Operation: Evict})
	span.End(nil)
	span.End(errors.New("once more"))
	span.Finish(nil, true)
	require.Len(t, r.ends, 1)
	require.NoError(t, r.ends[0].Err)
	require.False(t, r.ends[0].Absent)
}

func TestWithoutATracerNothingHappens(t *testing.T) {
	var tracer *Tracer
	ctx, span := tracer.Begin(t.Context(), Start{Operation: Wait})
	require.Equal(t, t.Context(), ctx)
	span.End(nil)
	require.Zero(t, testing.AllocsPerRun(100, func() {
		_, span := tracer.Begin(ctx, Start{Operation: Wait})
		span.End(nil)
	}))
}

// A panic of the tracer, or a context that it does not return, leaves the operation with the context that it had.
func TestATracersMistakesStayItsOwn(t *testing.T) {
	r := &tape{}
	tracer := r.tracer()
	tracer.Start = func(context.Context, Start) context.Context { panic("start") }
	tracer.End = func(context.Context, End) { panic("end") }
	ctx, span := tracer.Begin(t.Context(), Start{Operation: Load})
	require.Equal(t, t.Context(), ctx)
	require.Equal(t, []any{"tracer", "start"}, r.recovered)
	span.End(nil)
	require.Equal(t, []any{"tracer", "start", "tracer", "end"}, r.recovered)
	span.End(nil)
	require.Len(t, r.recovered, 4, "the end was told, although in vain")

	var ended context.Context
	tracer.Start = func(context.Context, Start) context.Context { return nil }
	tracer.End = func(ctx context.Context, _ End) { ended = ctx }
	ctx, span = tracer.Begin(t.Context(), Start{Operation: Load})
	require.Equal(t, t.Context(), ctx)
	span.End(nil)
	require.Equal(t, t.Context(), ended)
}
