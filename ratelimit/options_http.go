package ratelimit

import (
	"fmt"
	"net/http"
	"regexp"
)

// By sets whom a request is charged to. The default is the client's address; see [ClientIP]. A request for which key returns
// "" is charged to its client's address, so leaving an API key out is no way around a limit. Whoever is not verified should
// be charged by address: use [ByUser].
func By(key KeyFunc) Option {
	if key == nil {
		panic("ratelimit: By(nil): leave the option out for ByIP()")
	}
	return func(c *config) { c.key = key }
}

// ClientIP sets, once for a limiter or a [Table] with all its rules, how a client is known by its address. Everything that
// charges an address uses it: the default key, [ByIP] within other keys, "ip" in a rule, and requests without a key.
// The default is the address of the connection.
//
//	ratelimit.ClientIP(ratelimit.TrustedProxies(netip.MustParsePrefix("10.0.0.0/8")))
func ClientIP(options ...IPOption) Option {
	c := newIPConfig("ClientIP", options)
	return func(to *config) { to.client = c }
}

// Cost sets how many permits a request takes; 0 is a Peek. The default is 1. One below 0 or above the limit is a mistake of the
// server: it is answered with 500, counted in [Stats] and logged once.
func Cost(cost func(*http.Request) int) Option {
	here.NotNil("Cost", cost == nil)
	return func(c *config) { c.cost = cost }
}

// Skip exempts requests from the middleware, such as health checks.
func Skip(skip func(*http.Request) bool) Option {
	here.NotNil("Skip", skip == nil)
	return func(c *config) { c.skip = skip }
}

// OnDenied writes the answer to a denied request, in place of 429 with problem details, or with a page if
// the client prefers HTML. The headers are already set.
func OnDenied(denied func(http.ResponseWriter, *http.Request, Result)) Option {
	here.NotNil("OnDenied", denied == nil)
	return func(c *config) { c.denied = denied }
}

// OnError writes the answer if there is no decision, in place of 503 with problem details if err wraps [ErrUnavailable], and of
// 500 if it wraps [ErrCost]. Retry-After is already set for the former. If the client has hung up err is that of its context.
func OnError(failed func(w http.ResponseWriter, r *http.Request, err error)) Option {
	here.NotNil("OnError", failed == nil)
	return func(c *config) { c.failed = failed }
}

// LimitPreflights charges CORS preflights, OPTIONS requests with Origin and Access-Control-Request-Method, like any other
// request. By default they pass, because a browser sends them before the request that is charged, without credentials, and
// shows a denied one to the program as a failed connection.
func LimitPreflights() Option { return func(c *config) { c.preflights = true } }

// LegacyHeaders adds X-RateLimit-Limit, -Remaining and -Reset. The last is the time, in Unix seconds, at which all permits
// will be back. For these alone use Headers(XRateLimitHeaders()).
func LegacyHeaders() Option {
	x := XRateLimitHeaders()
	return func(c *config) { c.headers.Limit, c.headers.Remaining, c.headers.Reset = x.Limit, x.Remaining, x.Reset }
}

// Headers renames the fields that the limiter sets, or leaves some out. The default is [IETFHeaders].
func Headers(names HeaderNames) Option {
	for _, name := range []string{names.Policy, names.RateLimit, names.RetryAfter, names.Limit, names.Remaining, names.Reset} {
		if !fieldName.MatchString(name) {
			panic(fmt.Sprintf("ratelimit: Headers: %q is no field's name; use letters, digits and -, or leave it empty", name))
		}
	}
	return func(c *config) { c.headers = names }
}

var fieldName = regexp.MustCompile(`^[A-Za-z0-9-]*$`)

// ShadowHeaders shows what a limiter with [Shadow] would do in the headers. By default it sets none, because clients would
// slow down for a limit that is only tried.
func ShadowHeaders() Option { return func(c *config) { c.shadowHeaders = true } }
