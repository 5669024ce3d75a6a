package ratelimit_test

import (
	"fmt"
	"net/http"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/ratelimit"
)

const year = 8784 * time.Hour

var proxies = ratelimit.TrustedProxies(netip.MustParsePrefix("10.0.0.0/8"))

// behind is a request of a client that a proxy passed on.
func behind(client string) func(*http.Request) {
	return func(r *http.Request) {
		r.RemoteAddr = "10.0.0.1:1"
		r.Header.Set("X-Forwarded-For", client)
	}
}

// clientsAreTold sends two requests of each of five clients behind one proxy, and expects that each may do one.
func clientsAreTold(t *testing.T, h http.Handler, change func(*http.Request)) {
	t.Helper()
	for _, want := range []int{http.StatusOK, http.StatusTooManyRequests} {
		for i := range 5 {
			require.Equal(t, want, get(h, "/", func(r *http.Request) {
				behind(fmt.Sprint("192.0.2.", i))(r)
				if change != nil {
					change(r)
				}
			}).Code, "client %d", i)
		}
	}
}

// Whatever means "by address" knows a client as the limiter does, however that was said.
func TestOneClientIdentity(t *testing.T) {
	nobody := func(*http.Request) string { return "" }
	users := func(r *http.Request) string { return r.Context().Value("user").(string) } // panics for an empty request
	anonymous := func(*http.Request) (string, bool) { return "", false }
	identities := map[string][]ratelimit.Option{
		"ClientIP":            {ratelimit.ClientIP(proxies)},
		"ClientIP and By":     {ratelimit.ClientIP(proxies), ratelimit.By(ratelimit.ByIP())},
		"ClientIP and a part": {ratelimit.ClientIP(proxies), ratelimit.By(ratelimit.ByIP(ratelimit.IPv6Prefix(48)))},
		"By":                  {ratelimit.By(ratelimit.ByIP(proxies))},
		"By, FirstOf":         {ratelimit.By(ratelimit.FirstOf(nobody, ratelimit.ByIP(proxies)))},
		"By, Join":            {ratelimit.By(ratelimit.Join(ratelimit.ByIP(proxies), ratelimit.ByEndpoint()))},
		"By, own function":    {ratelimit.By(func(r *http.Request) string { return ratelimit.ByIP(proxies)(r) })},
		"Keys": {
			ratelimit.Keys(map[string]ratelimit.KeyFunc{"a": users, "proxied": ratelimit.Join(users, ratelimit.ByIP(proxies))}),
		},
	}
	rules := map[string][]string{
		"the table's": nil, "ip": {"ip"}, "ip and endpoint": {"ip", "endpoint"}, "header": {"header:X-API-Key"},
	}
	for name, options := range identities {
		for by, names := range rules {
			t.Run(name+"/"+by, func(t *testing.T) {
				table, err := ratelimit.NewTable(mini(t), []ratelimit.Rule{{Match: "/", Policy: "fixed 1/8784h", By: names}},
					append(options, ratelimit.Namespace(redistest.Unique(t)), ratelimit.Timeout(soon))...)
				require.NoError(t, err)
				t.Cleanup(func() { require.NoError(t, table.Close()) })
				clientsAreTold(t, table.Middleware(hello), nil)
			})
		}
	}
	for name, key := range map[string]ratelimit.KeyFunc{
		"nobody": nobody, "header": ratelimit.ByHeader("X-API-Key"), "user": ratelimit.ByUser(anonymous), "address": ratelimit.ByIP(),
		"own function": func(r *http.Request) string { return "my " + ratelimit.ByIP()(r) },
	} {
		t.Run("limiter/"+name, func(t *testing.T) {
			l := open(t, mini(t), ratelimit.FixedWindow(1, year), ratelimit.ClientIP(proxies), ratelimit.By(key))
			clientsAreTold(t, l.Middleware(hello), nil)
		})
	}
}

func TestClientIPOptions(t *testing.T) {
	code := func(options ...ratelimit.IPOption) func(remote string, header ...string) int {
		h := open(t, mini(t), ratelimit.FixedWindow(1, year), ratelimit.ClientIP(options...)).Middleware(hello)
		return func(remote string, header ...string) int {
			return get(h, "/", func(r *http.Request) {
				r.RemoteAddr, r.Header["X-Forwarded-For"], r.Header["Cf-Connecting-Ip"] = remote, header, header
			}).Code
		}
	}
	const ok, denied = http.StatusOK, http.StatusTooManyRequests

	hops := code(ratelimit.TrustedHops(2))
	require.Equal(t, ok, hops("203.0.113.1:1", "192.0.2.1, 203.0.113.2"))
	require.Equal(t, denied, hops("203.0.113.1:1", "1.1.1.1, 192.0.2.1", "203.0.113.3"), "what stands before is forged")
	require.Equal(t, denied, hops("203.0.113.1:1", "192.0.2.1"), "a shorter list")
	require.Equal(t, denied, hops("203.0.113.1:1", "192.0.2.1, unknown"), "only the client's place has to be an address")

	named := code(proxies, ratelimit.ProxyHeader("CF-Connecting-IP"))
	require.Equal(t, ok, named("10.0.0.1:1", "192.0.2.1"))
	require.Equal(t, denied, named("10.0.0.2:1", "192.0.2.1"))
	require.Equal(t, ok, named("198.51.100.1:1", "192.0.2.1"), "not from a proxy")

	unix := code(ratelimit.TrustUnixSocket())
	require.Equal(t, ok, unix("@", "192.0.2.1"))
	require.Equal(t, denied, unix("", "1.1.1.1, 192.0.2.1"))
	require.Equal(t, ok, unix("/run/client.sock", "192.0.2.2"))
	require.Equal(t, ok, unix("198.51.100.1:1", "192.0.2.1"), "a peer with an address is not believed")
}

func TestTrustingEverybodyPanics(t *testing.T) {
	for _, wide := range []string{
		"0.0.0.0/0", "::/0", "0.0.0.0/1", "128.0.0.0/1", "1.0.0.0/7", "::ffff:0.0.0.0/96", "::ffff:10.0.0.0/97", "::/64",
		"2000::/3", "2002::/16", "64:ff9b::/96", "fc00::/6", "8000::/1",
	} {
		require.PanicsWithValue(t, "ratelimit: TrustedProxies: "+wide+" contains clients, who could name any address; "+
			"list your proxies' networks, or use TrustedHops with their number",
			func() { ratelimit.TrustedProxies(netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix(wide)) })
	}
	for _, fine := range []string{"10.0.0.0/8", "127.0.0.1/32", "fc00::/7", "fe80::/10", "::ffff:10.0.0.0/104", "2400:cb00::/32", "::1/128"} {
		require.NotNil(t, ratelimit.TrustedProxies(netip.MustParsePrefix(fine)), fine)
	}
	require.Panics(t, func() { ratelimit.TrustedHops(0) })
	require.Panics(t, func() { ratelimit.ClientIP(ratelimit.ProxyHeader("X-Real-IP")) }, "a header that is never read")
}
