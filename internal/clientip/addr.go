package clientip

import (
	"net/netip"
	"strings"
)

// parseAddr reads an address with or without port, brackets and zone, as proxies and RemoteAddr have it. The zone is
// dropped because it names an interface of this machine and no client. An IPv4-mapped IPv6 address becomes an IPv4 address.
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

// Group returns what tells one client from another: an IPv4 address, or the first bits of an IPv6 address.
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
