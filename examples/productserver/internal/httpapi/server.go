// Package httpapi puts the use cases on HTTP. It knows that an answer may come out of a cache, and says so in two
// headers, but not which cache.
package httpapi

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/jollyjet/aside/examples/productserver/internal/usecase"
)

const (
	// maxBody is many times the largest product that passes validation.
	maxBody = 64 << 10
	// requestTimeout is longer than the database's own, so that it is the database that gets the blame.
	requestTimeout = 10 * time.Second
)

// Deps is what the API is made of.
type Deps struct {
	UseCases usecase.UseCases
	// Trace tells where the answers to a request's reads came from; nil means that nothing is cached.
	Trace Trace
	// Mongo and Redis return an error when the server can't be reached.
	Mongo, Redis func(context.Context) error
	Log          *slog.Logger
	// BaseURL is what the examples on the front page begin with.
	BaseURL string
}

type api struct{ Deps }

// New is the whole server as a handler.
func New(deps Deps) http.Handler {
	a := api{deps}
	if a.Trace == nil {
		a.Trace = untraced
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", a.index)
	mux.HandleFunc("GET /healthz", a.live)
	mux.HandleFunc("GET /readyz", a.ready)
	mux.Handle("GET /products/{id}", a.read(a.get))
	mux.Handle("GET /products", a.read(a.list))
	mux.Handle("POST /products", a.write(a.create))
	mux.Handle("PATCH /products/{id}", a.write(a.update))
	mux.Handle("DELETE /products/{id}", a.write(a.delete))
	mux.Handle("POST /products/{id}/wishlist", a.write(a.toggle))
	return a.logged(a.recovered(a.routed(mux)))
}

// Server has every timeout set: a client that dawdles must not hold a connection for ever.
func Server(h http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      requestTimeout + 5*time.Second,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
}
