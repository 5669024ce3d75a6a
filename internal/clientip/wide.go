package clientip

import "net/netip"

// unmap turns a prefix of IPv4-mapped IPv6 addresses into one of IPv4, the form in which addresses are compared.
func unmap(p netip.Prefix) netip.Prefix {
	if addr := p.Addr(); addr.Is4In6() && p.Bits() >= 96 {
		return netip.PrefixFrom(addr.Unmap(), p.Bits()-96)
	}
	return p
}

// Networks of proxies are no wider than the widest for private use, 10.0.0.0/8 and fc00::/7, or an operator's own.
const (
	widest4 = 8
	widest6 = 16
)

var (
	local6  = []netip.Prefix{netip.MustParsePrefix("fc00::/7"), netip.MustParsePrefix("fe80::/10")}
	embeds4 = []netip.Prefix{ // all of IPv4 within IPv6
		netip.MustParsePrefix("::ffff:0:0/96"), netip.MustParsePrefix("64:ff9b::/96"), netip.MustParsePrefix("2002::/16"),
	}
)

// TooWide reports whether a prefix has addresses of clients, so that trusting it would let them forge the header.
func TooWide(p netip.Prefix) bool {
	p = unmap(p)
	if p.Addr().Is4() {
		return p.Bits() < widest4
	}
	for _, all := range embeds4 {
		if p.Bits() <= all.Bits() && p.Contains(all.Addr()) {
			return true
		}
	}
	for _, local := range local6 {
		if p.Bits() >= local.Bits() && local.Contains(p.Addr()) {
			return false
		}
	}
	return p.Bits() < widest6
}
