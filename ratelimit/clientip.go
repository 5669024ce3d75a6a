package ratelimit

import (
	"fmt"
	"net/http"
	"net/netip"

	"github.com/jollyjet/aside/internal/clientip"
)

// IPOption says how the address of a request's client is found.
type IPOption func(*ipConfig)

// ipConfig is one way to know the client.
type ipConfig struct {
	clientip.Source
	v6 int // bits; 0 is the default
}

func newIPConfig(call string, options []IPOption) *ipConfig {
	c := &ipConfig{}
	for _, o := range options {
		o(c)
	}
	if c.Header != "" && !c.Believes() {
		panic("ratelimit: " + call + ": ProxyHeader is read from trusted proxies only; " +
			"add TrustedProxies, TrustedHops or TrustUnixSocket")
	}
	return c
}

// key names the client of a request.
func (c *ipConfig) key(r *http.Request) string {
	addr, ok := c.Client(r)
	if !ok {
		return noAddress
	}
	bits := c.v6
	if bits == 0 {
		bits = 64
	}
	return "ip:" + clientip.Group(addr, bits)
}

const noAddress = "ip:none"

// within is c as an option of one key: what it does not set is as in the limiter's.
func (c *ipConfig) within(limiter *ipConfig) *ipConfig {
	if limiter == nil {
		return c
	}
	both := *c
	if !c.Believes() {
		both.Source = limiter.Source
	}
	if both.v6 == 0 {
		both.v6 = limiter.v6
	}
	return &both
}

// TrustedProxies are the addresses of the proxies in front of this server. X-Forwarded-For is read only if a request comes
// from one of them. It is read from the end, where each trusted proxy has added the address that it got the request from:
// the first that is not a trusted proxy's is the client's. What the client itself has sent stands before that and is never
// reached. If an entry is not an address, the proxy that passed it on is charged.
//
// Prefixes that are wider than private networks, such as 0.0.0.0/0, panic: they contain clients, who could then forge the
// header. If you can't list the proxies use [TrustedHops].
func TrustedProxies(proxies ...netip.Prefix) IPOption {
	if len(proxies) == 0 {
		panic("ratelimit: TrustedProxies(): give the proxies' prefixes, or leave the option out for RemoteAddr")
	}
	for _, p := range proxies {
		if !p.IsValid() {
			panic("ratelimit: TrustedProxies: a prefix is invalid; use netip.MustParsePrefix")
		}
		if clientip.TooWide(p) {
			panic(fmt.Sprintf("ratelimit: TrustedProxies: %v contains clients, who could name any address; "+
				"list your proxies' networks, or use TrustedHops with their number", p))
		}
	}
	return func(c *ipConfig) { c.Trust(proxies) }
}

// TrustedHops is the number of proxies that each request passes, for proxies whose addresses are not known. The client is
// then the entry of X-Forwarded-For at that place from its end; of a shorter list the first is. This server must not be
// reachable past the proxies, or a client can forge the entry; with [TrustedProxies] the last proxy's address is checked.
// n is from 1 to 100.
func TrustedHops(n int) IPOption {
	if n < 1 || n > 100 {
		panic(fmt.Sprintf("ratelimit: TrustedHops(%d): use the number of proxies, 1 to 100", n))
	}
	return func(c *ipConfig) { c.Hops = n }
}

// TrustUnixSocket makes the peer of a Unix socket, which has no address, a trusted proxy: a reverse proxy on the same
// machine. Without it all requests from a Unix socket share one key.
func TrustUnixSocket() IPOption { return func(c *ipConfig) { c.Unix = true } }

// ProxyHeader is the header in which the trusted proxies name the address that they got the request from, in place of
// X-Forwarded-For. "Forwarded" is read as RFC 7239, any other as a list of addresses, or one, such as X-Real-IP. Name the
// header that your proxies write: a client can forge any other.
func ProxyHeader(name string) IPOption {
	if name == "" {
		panic(`ratelimit: ProxyHeader(""): use "Forwarded" or another header's name`)
	}
	return func(c *ipConfig) { c.Header = http.CanonicalHeaderKey(name) }
}

// IPv6Prefix is how many bits of an IPv6 address tell one client from another. The default is 64; providers that give
// a customer more have 56 or 48.
func IPv6Prefix(bits int) IPOption {
	if bits < 1 || bits > 128 {
		panic(fmt.Sprintf("ratelimit: IPv6Prefix(%d): use 1 to 128 bits", bits))
	}
	return func(c *ipConfig) { c.v6 = bits }
}
