package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// reply is what an endpoint answers when all is well; without a body it is empty.
type reply struct {
	status   int
	location string
	body     any
}

// endpoint answers a request; its error becomes a problem document.
type endpoint func(*http.Request) (reply, error)

// Served tells where an answer came from, and how long getting it took.
type Served struct {
	Source string // hit, miss, stale or bypass
	Took   time.Duration
}

// Trace gives a context to read with, and a function that then tells how the last read was served, if there was one.
type Trace func(context.Context) (context.Context, func() (Served, bool))

func untraced(ctx context.Context) (context.Context, func() (Served, bool)) {
	return ctx, func() (Served, bool) { return Served{}, false }
}

// read serves an endpoint whose answer may be cached. Its errors carry the header too: that there is no such product
// is an answer that can be cached. What was refused before any look-up is a bypass.
func (a api) read(e endpoint) http.Handler {
	return a.serve(e, func(ctx context.Context) (context.Context, func(http.Header) string) {
		ctx, last := a.Trace(ctx)
		return ctx, func(h http.Header) string {
			served, ok := last()
			if !ok {
				h.Set("X-Cache", "bypass")
				return ""
			}
			h.Set("X-Cache", served.Source)
			return fmt.Sprintf("cache;desc=%q;dur=%s, ", served.Source, millis(served.Took))
		}
	})
}

// write serves an endpoint that changes something. Nothing of its answer was cached, so it has no X-Cache.
func (a api) write(e endpoint) http.Handler {
	return a.serve(e, func(ctx context.Context) (context.Context, func(http.Header) string) {
		return ctx, func(http.Header) string { return "" }
	})
}

func (a api) serve(e endpoint, trace func(context.Context) (context.Context, func(http.Header) string)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		ctx, cancel := context.WithTimeout(r.Context(), requestTimeout)
		defer cancel()
		ctx, describe := trace(ctx)
		r = r.WithContext(ctx)
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		answer, err := e(r)
		timing := describe(w.Header()) + "total;dur=" + millis(time.Since(start))
		w.Header().Set("Server-Timing", timing)
		if err != nil {
			a.fail(w, r, err)
			return
		}
		a.send(w, r, answer)
	})
}

func (a api) send(w http.ResponseWriter, r *http.Request, answer reply) {
	if answer.location != "" {
		w.Header().Set("Location", answer.location)
	}
	if answer.body == nil {
		w.WriteHeader(answer.status)
		return
	}
	a.sendJSON(w, r, answer.status, "application/json", answer.body)
}

func (a api) sendJSON(w http.ResponseWriter, r *http.Request, status int, kind string, body any) {
	// Encoded before anything is sent, so that a failure can still become a 500.
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(body); err != nil {
		a.Log.ErrorContext(r.Context(), "encode response", "err", err)
		http.Error(w, "", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Content-Length", strconv.Itoa(buf.Len()))
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write(buf.Bytes()) // a client that went away is nobody's error
}

func millis(d time.Duration) string {
	return strconv.FormatFloat(float64(d)/float64(time.Millisecond), 'f', 2, 64)
}
