package ratelimit

import "net/http"

// By sets whom a request is charged to. The default is the client's address; see [ClientIP]. A request for which key returns
// "" is charged to its client's address, so leaving an API key out is no way around a limit. Whoever is not verified should
// be charged by address: use [ByUser].
func By(key KeyFunc) Option {
	if key == nil {
		panic("ratelimit: By(nil): leave the option out for ByIP()")
	}
	return func(c *config) { c.key = key }
}

// Cost sets how many permits a request takes; 0 is a Peek. The default is 1.
func Cost(cost func(*http.Request) int) Option {
	here.NotNil("Cost", cost == nil)
	return func(c *config) { c.cost = cost }
}

// Skip exempts requests from the middleware, such as health checks.
func Skip(skip func(*http.Request) bool) Option {
	here.NotNil("Skip", skip == nil)
	return func(c *config) { c.skip = skip }
}

// OnDenied writes the answer to a denied request, in place of 429 with problem details. The headers are already set.
func OnDenied(denied func(http.ResponseWriter, *http.Request, Result)) Option {
	here.NotNil("OnDenied", denied == nil)
	return func(c *config) { c.denied = denied }
}

// LegacyHeaders adds X-RateLimit-Limit, -Remaining and -Reset. The last is the time, in Unix seconds, at which all permits
// will be back.
func LegacyHeaders() Option { return func(c *config) { c.legacy = true } }
