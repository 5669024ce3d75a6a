package ratelimit

import (
	"errors"
	"net/http"
	"time"
)

// Middleware passes the requests that the limiter allows to next, and answers the others with 429. If the limiter is
// [FailClosed] and Redis is away it answers 503. It passes the ResponseWriter on as it is, so flushing and hijacking work.
// A permit of [Concurrency] is held while next runs, and the request's context ends when it is lost, with the cause
// [ErrLeaseLost].
func (l *Limiter) Middleware(next http.Handler) http.Handler { return Stack(l)(next) }

// Stack is a middleware of several limiters, each with its own key, such as an address and a user. All of them must allow a
// request, and all or none are charged; see [AllowAll].
func Stack(limiters ...*Limiter) func(http.Handler) http.Handler {
	checkLimiters("Stack", limiters)
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { serve(w, r, next, limiters) })
	}
}

func serve(w http.ResponseWriter, r *http.Request, next http.Handler, limiters []*Limiter) {
	asks := make([]Ask, 0, len(limiters))
	for _, l := range limiters {
		if l.skip == nil || !l.skip(r) {
			asks = l.asks(asks, r)
		}
	}
	work, results, release, err := acquireAll(r.Context(), asks)
	defer release() // also when next panics
	switch {
	case errors.Is(err, ErrCost):
		writeQuota(w, nil)
	case err != nil:
		writeUnavailable(w, asks[len(results)].Limiter.pause)
	case len(results) == 0 || results[len(results)-1].Allowed:
		for i := range results {
			if i+1 == len(results) || asks[i].Limiter != asks[i+1].Limiter {
				asks[i].Limiter.setHeaders(w.Header(), &results[i])
			}
		}
		if work != r.Context() {
			r = r.WithContext(work)
		}
		next.ServeHTTP(w, r)
	default:
		last := len(results) - 1
		asks[last].Limiter.answerDenied(w, r, results[last])
	}
}

// asks adds what a request asks a limiter for. The address of an unverified key comes first: while it is denied, a client
// that invents keys leaves nothing in Redis.
func (l *Limiter) asks(to []Ask, r *http.Request) []Ask {
	n := 1
	if l.cost != nil {
		n = l.cost(r)
	}
	key, address := l.requestKeys(r)
	if address != "" && address != key {
		to = append(to, Ask{Limiter: l, Key: address, N: n})
	}
	return append(to, Ask{Limiter: l, Key: key, N: n})
}

func (l *Limiter) answerDenied(w http.ResponseWriter, r *http.Request, result Result) {
	l.setHeaders(w.Header(), &result)
	if l.denied != nil {
		l.denied(w, r, result)
		return
	}
	writeQuota(w, violated(&result))
}

func violated(r *Result) (names []string) {
	for _, one := range r.results() {
		if !one.Allowed {
			names = append(names, one.Policy)
		}
	}
	return names
}

func (l *Limiter) setHeaders(h http.Header, r *Result) {
	h.Add("RateLimit-Policy", policyField(l.parts))
	if r.Source != FromFailOpen {
		h.Add("RateLimit", limitField(r))
	}
	if !r.Allowed {
		setRetryAfter(h, r.RetryAfter)
	}
	if l.legacy && r.Source != FromFailOpen {
		setLegacy(h, r, time.Now())
	}
}
