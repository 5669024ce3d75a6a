package ratelimit

import "net/http"

// Middleware passes the requests that the limiter allows to next, and answers the others with 429. If the limiter is
// [FailClosed] and Redis is away it answers 503; if the [Cost] is impossible, which is the server's mistake, 500. CORS
// preflights pass; see [LimitPreflights]. It passes the ResponseWriter on as it is, so flushing and hijacking work.
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
		if l.applies(r) {
			asks = l.asks(asks, r)
		}
	}
	work, results, release, err := acquireAll(r.Context(), asks)
	defer release() // also when next panics
	switch {
	case err != nil:
		asks[len(results)].Limiter.Fail(w, r, err)
	case len(results) == 0 || results[len(results)-1].Allowed:
		showAll(w.Header(), asks, results)
		if work != r.Context() {
			r = r.WithContext(work)
		}
		next.ServeHTTP(w, r)
	default:
		last := len(results) - 1
		asks[last].Limiter.Deny(w, r, results[last])
	}
}

// applies reports whether the middleware is about a request.
func (l *Limiter) applies(r *http.Request) bool {
	return (l.preflights || !isPreflight(r)) && (l.skip == nil || !l.skip(r))
}

// isPreflight reports whether a browser asks whether it may send the real request, which is limited.
func isPreflight(r *http.Request) bool {
	return r.Method == http.MethodOptions && r.Header.Get("Origin") != "" && r.Header.Get("Access-Control-Request-Method") != ""
}

// Asks returns what the middleware asks for a request, for [AllowAll]: by the limiter's key and [Cost]. It is one Ask, or two
// if the address is charged too; see [ByHeader].
func (l *Limiter) Asks(r *http.Request) []Ask { return l.asks(nil, r) }

// asks adds what a request asks a limiter for. The address of an unverified key comes first: while it is denied, a client
// that invents keys leaves nothing in Redis.
func (l *Limiter) asks(to []Ask, r *http.Request) []Ask {
	n := 1
	if l.cost != nil {
		n = l.cost(r)
	}
	key, address := requestKeys(l.key, l.client, r)
	if address != "" && address != key {
		to = append(to, Ask{Limiter: l, Key: address, N: n})
	}
	return append(to, Ask{Limiter: l, Key: key, N: n})
}
