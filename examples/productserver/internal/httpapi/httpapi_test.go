package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/jollyjet/aside/examples/productserver/internal/domain"
	"github.com/jollyjet/aside/examples/productserver/internal/usecase"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func up(context.Context) error { return nil }

// serve answers one GET of a product with what get does.
func serve(t *testing.T, deps Deps, get func(context.Context) (domain.Product, error)) (*httptest.ResponseRecorder, string) {
	t.Helper()
	var log strings.Builder
	deps.Log = slog.New(slog.NewTextHandler(&log, nil))
	deps.Mongo, deps.Redis = up, up
	deps.UseCases = usecase.UseCases{Get: func(ctx context.Context, _ string) (domain.Product, error) { return get(ctx) }}
	rec := httptest.NewRecorder()
	New(deps).ServeHTTP(rec, httptest.NewRequestWithContext(t.Context(), "GET", "/products/a-lamp", nil))
	return rec, log.String()
}

func TestErrorsBecomeStatuses(t *testing.T) {
	secret := errors.New("dial tcp 10.0.0.5:27017: password s3cret")
	tests := []struct {
		err    error
		status int
		logged bool
	}{
		{domain.ErrNotFound, 404, false},
		{fmt.Errorf("find: %w: %w", domain.ErrUnavailable, secret), 503, true},
		{fmt.Errorf("find: %w", context.DeadlineExceeded), 503, true},
		{domain.Invalid("a", "is wrong"), 400, false},
		{domain.ErrDuplicate, 409, false},
		{domain.ErrConflict, 409, false},
		{secret, 500, true},
	}
	for _, tt := range tests {
		t.Run(tt.err.Error(), func(t *testing.T) {
			rec, log := serve(t, Deps{}, func(context.Context) (domain.Product, error) { return domain.Product{}, tt.err })
			if rec.Code != tt.status || rec.Header().Get("Content-Type") != "application/problem+json" {
				t.Errorf("%d %v", rec.Code, rec.Header())
			}
			if body := rec.Body.String(); strings.Contains(body, "s3cret") || strings.Contains(body, "10.0.0.5") {
				t.Errorf("the response tells %s", body)
			}
			if logged := strings.Contains(log, "request failed"); logged != tt.logged {
				t.Errorf("logged %v: %s", logged, log)
			}
		})
	}
}

func TestAPanicIsA500(t *testing.T) {
	rec, log := serve(t, Deps{}, func(context.Context) (domain.Product, error) { panic("s3cret") })
	if rec.Code != 500 || strings.Contains(rec.Body.String(), "s3cret") || !json.Valid(rec.Body.Bytes()) {
		t.Errorf("%d %s", rec.Code, rec.Body)
	}
	if !strings.Contains(log, "panic=s3cret") || !strings.Contains(log, "httpapi_test.go") {
		t.Errorf("the log has no stack: %s", log)
	}
}

func TestAnAbortIsLeftToTheServer(t *testing.T) {
	defer func() {
		if v := recover(); v != http.ErrAbortHandler { //nolint:errorlint // a panic value, not an error that is returned
			t.Errorf("recovered %v", v)
		}
	}()
	serve(t, Deps{}, func(context.Context) (domain.Product, error) { panic(http.ErrAbortHandler) })
}

func TestHeadersTellHowItWasServed(t *testing.T) {
	fine := func(context.Context) (domain.Product, error) { return domain.Product{ID: "a-lamp"}, nil }
	rec, _ := serve(t, Deps{}, fine)
	if got := rec.Header().Get("X-Cache"); got != "bypass" {
		t.Errorf("without a cache X-Cache is %q", got)
	}
	trace := func(ctx context.Context) (context.Context, func() (Served, bool)) {
		return ctx, func() (Served, bool) { return Served{Source: "stale", Took: 1500 * time.Microsecond}, true }
	}
	rec, _ = serve(t, Deps{Trace: trace}, fine)
	if got := rec.Header().Get("X-Cache"); got != "stale" {
		t.Errorf("X-Cache is %q", got)
	}
	if got := rec.Header().Get("Server-Timing"); !strings.HasPrefix(got, `cache;desc="stale";dur=1.50, total;dur=`) {
		t.Errorf("Server-Timing is %q", got)
	}
}

func TestReady(t *testing.T) {
	down := func(context.Context) error { return errors.New("down") }
	hangs := func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
	tests := []struct {
		name         string
		mongo, redis func(context.Context) error
		status       int
		body         string
	}{
		{"all up", up, up, 200, `{"mongodb":"up","redis":"up","status":"ready"}`},
		{"no Redis", up, down, 200, `{"mongodb":"up","redis":"down","status":"ready"}`},
		{"Redis hangs", up, hangs, 200, `{"mongodb":"up","redis":"down","status":"ready"}`},
		{"no MongoDB", down, up, 503, `{"mongodb":"down","redis":"up","status":"not ready"}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := New(Deps{Mongo: tt.mongo, Redis: tt.redis, Log: slog.New(slog.DiscardHandler)})
			rec := httptest.NewRecorder()
			h.ServeHTTP(rec, httptest.NewRequestWithContext(t.Context(), "GET", "/readyz", nil))
			if rec.Code != tt.status || strings.TrimSpace(rec.Body.String()) != tt.body {
				t.Errorf("%d %s", rec.Code, rec.Body)
			}
		})
	}
}

// FuzzBody: whatever is sent is understood or is the client's mistake.
func FuzzBody(f *testing.F) {
	for _, s := range []string{`{"name":"a"}`, `{"price":{"amount":1e3}}`, `{"images":[null]}`, `[]`, `null`, `{"a":1}`, `{"stock":1}{}`, "\xff", `{"rating":1e999}`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, body string) {
		for _, read := range []func(*http.Request) error{
			func(r *http.Request) error { _, err := decodeNew(r); return err },
			func(r *http.Request) error { _, err := decodeUpdate(r, "a"); return err },
		} {
			r := httptest.NewRequestWithContext(t.Context(), "POST", "/products", strings.NewReader(body))
			r.Header.Set("Content-Type", "application/json; charset=utf-8")
			if err := read(r); err != nil {
				if p := describe(t.Context(), err); p.Status != http.StatusBadRequest || len(p.Errors) == 0 || p.Errors[0].Field == "" {
					t.Errorf("%q gives %+v of %v", body, p, err)
				}
			}
		}
	})
}
