// Package clientip finds out whose request it is, without believing what the client says about itself.
package clientip

import (
	"net/http"
	"net/netip"
	"strings"
)

// Source says where to look. The zero value is the address that the connection comes from, and nothing else.
type Source struct {
	Header string // the one that trusted proxies write; X-Forwarded-For if empty

	trusted []netip.Prefix
}

// Trust adds proxies whose header is believed.
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

// Client is the address of the request's client. It is false if the connection has none.
//
// The hops are walked from the peer away, which is from the end of the header's last line to the beginning of its first.
// Each is believed because a trusted proxy wrote it, so the walk ends at the first that is not trusted. It also ends at
// an entry that is no address, with the proxy that passed it on, and at the end of the header, with the farthest proxy.
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

// empty is what an empty element of a list reads as; RFC 9110, section 5.6.1, has recipients ignore them.
const empty = ""

// lastField cuts the last element off a list.
func lastField(list string) (entry, rest string) {
	if i := strings.LastIndexByte(list, ','); i >= 0 {
		list, rest = list[i+1:], list[:i]
	}
	return strings.Trim(list, " \t"), rest
}

// parseAddr reads an address with or without port, brackets and zone, as proxies and RemoteAddr have it. The zone is
// dropped: it names an interface of this machine and no client. An IPv4 address in IPv6's clothes is an IPv4 address.
func parseAddr(s string) (netip.Addr, bool) {
	if len(s) > maxAddr {
		return netip.Addr{}, false
	}
	addr, err := netip.ParseAddr(s)
	if err != nil {
		host := s
		if strings.HasPrefix(s, "[") {
			end := strings.IndexByte(s, ']')
			if end < 0 || !isPort(s[end+1:]) {
				return netip.Addr{}, false
			}
			host = s[1:end]
		} else if i := strings.IndexByte(s, ':'); i >= 0 && isPort(s[i:]) {
			host = s[:i]
		}
		if addr, err = netip.ParseAddr(host); err != nil {
			return netip.Addr{}, false
		}
	}
	return addr.Unmap().WithZone(""), true
}

// maxAddr is more than any address with brackets, zone and port needs.
const maxAddr = 100

// isPort accepts nothing, or a colon and what RFC 7239 allows after it: digits, or an obfuscated port.
func isPort(s string) bool {
	if s == "" {
		return true
	}
	for i := 1; i < len(s); i++ {
		c := s[i]
		if (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'z') && c != '.' && c != '_' && c != '-' {
			return false
		}
	}
	return s[0] == ':' && len(s) > 1
}

// Group is what tells one client from another: an IPv4 address, or the first bits of an IPv6 address.
func Group(addr netip.Addr, bits int) string {
	addr = addr.Unmap().WithZone("")
	if addr.Is4() {
		return addr.String()
	}
	p, err := addr.Prefix(bits)
	if err != nil {
		return addr.String()
	}
	if bits == 128 {
		return addr.String()
	}
	return p.String()
}
