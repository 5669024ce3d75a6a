// Package clientip finds the address of a request's client, without believing what the client says about itself.
package clientip

import (
	"net/http"
	"net/netip"
)

// Source says where to look. The zero value uses the address of the connection, and no header.
type Source struct {
	Header string // the one that trusted proxies write; X-Forwarded-For if empty

	trusted []netip.Prefix
}

// Trust adds proxies whose header is believed. It must not be called concurrently with [Source.Client].
func (s *Source) Trust(proxies []netip.Prefix) {
	for _, p := range proxies {
		if addr := p.Addr(); addr.Is4In6() && p.Bits() >= 96 {
			p = netip.PrefixFrom(addr.Unmap(), p.Bits()-96)
		}
		s.trusted = append(s.trusted, p.Masked())
	}
}

func (s *Source) trusts(addr netip.Addr) bool {
	for _, p := range s.trusted {
		if p.Contains(addr) {
			return true
		}
	}
	return false
}

// Client returns the address of the request's client. It reports false if the connection has no address.
//
// The hops are walked from the peer outwards, which is from the end of the header's last line to the start of its first.
// Each hop is believed because a trusted proxy wrote it, so the walk ends at the first that is not trusted. It also ends at
// an entry that is not an address, with the proxy that passed it on, and at the end of the header, with the last proxy.
func (s *Source) Client(r *http.Request) (netip.Addr, bool) {
	client, ok := parseAddr(r.RemoteAddr)
	if !ok || !s.trusts(client) {
		return client, ok
	}
	header, next := s.Header, lastField
	switch header {
	case "":
		header = "X-Forwarded-For"
	case "Forwarded":
		next = lastFor
	}
	lines := r.Header[http.CanonicalHeaderKey(header)]
	for i := len(lines) - 1; i >= 0; i-- {
		for rest := lines[i]; rest != ""; {
			var entry string
			entry, rest = next(rest)
			if entry == empty {
				continue
			}
			hop, ok := parseAddr(entry)
			if !ok {
				return client, true
			}
			client = hop
			if !s.trusts(client) {
				return client, true
			}
		}
	}
	return client, true
}
