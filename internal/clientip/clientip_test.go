package clientip_test

import (
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/internal/clientip"
)

func source(header string, trusted ...string) *clientip.Source {
	s := &clientip.Source{Header: header}
	for _, p := range trusted {
		s.Trust([]netip.Prefix{netip.MustParsePrefix(p)})
	}
	return s
}

func request(remote, header string, lines ...string) *http.Request {
	r := &http.Request{RemoteAddr: remote, Header: http.Header{}}
	for _, line := range lines {
		r.Header.Add(header, line)
	}
	return r
}

const none = "none"

// What a client forges stands in front of what trusted proxies add, and is never reached.
func TestClient(t *testing.T) {
	proxies := []string{"10.0.0.0/8", "2001:db8:ffff::/48"}
	for _, c := range []struct {
		name    string
		header  string // X-Forwarded-For if empty
		trusted []string
		remote  string
		lines   []string
		want    string
	}{
		{name: "no proxies", remote: "192.0.2.1:1234", want: "192.0.2.1"},
		{name: "no proxies, forged", remote: "192.0.2.1:1234", lines: []string{"1.1.1.1"}, want: "192.0.2.1"},
		{name: "peer is no proxy, forged", trusted: proxies, remote: "192.0.2.1:1", lines: []string{"1.1.1.1"}, want: "192.0.2.1"},
		{name: "peer is no proxy, forged as one", trusted: proxies, remote: "192.0.2.1:1", lines: []string{"1.1.1.1, 10.0.0.2"}, want: "192.0.2.1"},
		{name: "one proxy", trusted: proxies, remote: "10.0.0.1:1", lines: []string{"192.0.2.1"}, want: "192.0.2.1"},
		{name: "one proxy, forged", trusted: proxies, remote: "10.0.0.1:1", lines: []string{"1.1.1.1, 192.0.2.1"}, want: "192.0.2.1"},
		{name: "two proxies, forged", trusted: proxies, remote: "10.0.0.1:1", lines: []string{"1.1.1.1, 192.0.2.1, 10.9.9.9"}, want: "192.0.2.1"},
		{name: "two proxies, lines", trusted: proxies, remote: "10.0.0.1:1", lines: []string{"1.1.1.1", "192.0.2.1", "10.9.9.9"}, want: "192.0.2.1"},
		{name: "forged line", trusted: proxies, remote: "10.0.0.1:1", lines: []string{"1.1.1.1, 10.0.0.7", "192.0.2.1"}, want: "192.0.2.1"},
		{name: "client claims to be a proxy", trusted: proxies, remote: "10.0.0.1:1", lines: []string{"10.3.3.3, 192.0.2.1"}, want: "192.0.2.1"},
		{name: "all are proxies", trusted: proxies, remote: "10.0.0.1:1", lines: []string{"10.0.0.3, 10.0.0.2"}, want: "10.0.0.3"},
		{name: "proxy says nothing", trusted: proxies, remote: "10.0.0.1:1", want: "10.0.0.1"},
		{name: "empty line", trusted: proxies, remote: "10.0.0.1:1", lines: []string{""}, want: "10.0.0.1"},
		{name: "empty elements", trusted: proxies, remote: "10.0.0.1:1", lines: []string{"1.1.1.1,, 192.0.2.1 ,,\t, "}, want: "192.0.2.1"},
		{name: "8 kB of commas before", trusted: proxies, remote: "10.0.0.1:1", lines: []string{strings.Repeat(",", 8192) + "192.0.2.1"}, want: "192.0.2.1"},
		{name: "8 kB of commas", trusted: proxies, remote: "10.0.0.1:1", lines: []string{strings.Repeat(",", 8192)}, want: "10.0.0.1"},
		{name: "garbage before", trusted: proxies, remote: "10.0.0.1:1", lines: []string{"\x00\xff;'--, 192.0.2.1"}, want: "192.0.2.1"},
		{name: "garbage behind", trusted: proxies, remote: "10.0.0.1:1", lines: []string{"192.0.2.1, unknown"}, want: "10.0.0.1"},
		{name: "garbage behind a second proxy", trusted: proxies, remote: "10.0.0.1:1", lines: []string{"192.0.2.1, unknown, 10.0.0.2"}, want: "10.0.0.2"},
		{name: "half an address", trusted: proxies, remote: "10.0.0.1:1", lines: []string{"192.0.2"}, want: "10.0.0.1"},
		{name: "leading zeros", trusted: proxies, remote: "10.0.0.1:1", lines: []string{"192.0.02.1"}, want: "10.0.0.1"},
		{name: "long garbage", trusted: proxies, remote: "10.0.0.1:1", lines: []string{strings.Repeat("1.", 4000)}, want: "10.0.0.1"},
		{name: "port", trusted: proxies, remote: "10.0.0.1:1", lines: []string{"192.0.2.1:4711"}, want: "192.0.2.1"},
		{name: "bad port", trusted: proxies, remote: "10.0.0.1:1", lines: []string{"192.0.2.1:47:11"}, want: "10.0.0.1"},
		{name: "IPv6", trusted: proxies, remote: "[2001:db8:ffff::1]:1", lines: []string{"2001:db8::1"}, want: "2001:db8::1"},
		{name: "IPv6, brackets", trusted: proxies, remote: "10.0.0.1:1", lines: []string{"[2001:db8::1]"}, want: "2001:db8::1"},
		{name: "IPv6, port", trusted: proxies, remote: "10.0.0.1:1", lines: []string{"[2001:db8::1]:443"}, want: "2001:db8::1"},
		{name: "IPv6, half a bracket", trusted: proxies, remote: "10.0.0.1:1", lines: []string{"[2001:db8::1"}, want: "10.0.0.1"},
		{name: "IPv6, text after the bracket", trusted: proxies, remote: "10.0.0.1:1", lines: []string{"[2001:db8::1]x"}, want: "10.0.0.1"},
		{name: "zone", trusted: proxies, remote: "10.0.0.1:1", lines: []string{"fe80::1%eth0"}, want: "fe80::1"},
		{name: "zone of the peer", remote: "[fe80::1%eth0]:1", want: "fe80::1"},
		{name: "zones are no way to new keys", trusted: proxies, remote: "10.0.0.1:1", lines: []string{"fe80::1%" + strings.Repeat("z", 30)}, want: "fe80::1"},
		{name: "mapped", trusted: proxies, remote: "10.0.0.1:1", lines: []string{"::ffff:192.0.2.1"}, want: "192.0.2.1"},
		{name: "mapped in hex", trusted: proxies, remote: "10.0.0.1:1", lines: []string{"::ffff:c000:201"}, want: "192.0.2.1"},
		{name: "mapped peer", remote: "[::ffff:192.0.2.1]:1", want: "192.0.2.1"},
		{name: "mapped proxy", trusted: proxies, remote: "[::ffff:10.0.0.1]:1", lines: []string{"192.0.2.1"}, want: "192.0.2.1"},
		{name: "mapped prefix", trusted: []string{"::ffff:10.0.0.0/104"}, remote: "10.0.0.1:1", lines: []string{"192.0.2.1"}, want: "192.0.2.1"},
		{name: "prefix that is not masked", trusted: []string{"10.1.2.3/8"}, remote: "10.0.0.1:1", lines: []string{"192.0.2.1"}, want: "192.0.2.1"},
		{name: "no port", remote: "192.0.2.1", want: "192.0.2.1"},
		{name: "Unix socket", remote: "@", want: none},
		{name: "nothing", remote: "", want: none},
		{name: "another header", header: "X-Real-IP", trusted: proxies, remote: "10.0.0.1:1", lines: []string{"192.0.2.1"}, want: "192.0.2.1"},
		{name: "another header, no proxy", header: "X-Real-IP", trusted: proxies, remote: "192.0.2.1:1", lines: []string{"1.1.1.1"}, want: "192.0.2.1"},

		{name: "Forwarded", header: "Forwarded", trusted: proxies, remote: "10.0.0.1:1", lines: []string{"for=192.0.2.1;proto=http;by=10.0.0.1"}, want: "192.0.2.1"},
		{name: "Forwarded, quotes", header: "Forwarded", trusted: proxies, remote: "10.0.0.1:1", lines: []string{`proto=http; FOR="[2001:db8::1]:4711"`}, want: "2001:db8::1"},
		{name: "Forwarded, forged", header: "Forwarded", trusted: proxies, remote: "10.0.0.1:1", lines: []string{"for=1.1.1.1, for=192.0.2.1, for=10.0.0.2"}, want: "192.0.2.1"},
		{name: "Forwarded, lines", header: "Forwarded", trusted: proxies, remote: "10.0.0.1:1", lines: []string{"for=1.1.1.1", "for=192.0.2.1"}, want: "192.0.2.1"},
		{name: "Forwarded, open quote before", header: "Forwarded", trusted: proxies, remote: "10.0.0.1:1", lines: []string{`for="1.1.1.1, for=192.0.2.1`}, want: "192.0.2.1"},
		{name: "Forwarded, escaped quote before", header: "Forwarded", trusted: proxies, remote: "10.0.0.1:1", lines: []string{`for="1.1.1.1\", for=192.0.2.1`}, want: "192.0.2.1"},
		{name: "Forwarded, comma in the host", header: "Forwarded", trusted: proxies, remote: "10.0.0.1:1", lines: []string{`for=192.0.2.1;host="a, for=1.1.1.1"`}, want: "192.0.2.1"},
		{name: "Forwarded, semicolon in the host", header: "Forwarded", trusted: proxies, remote: "10.0.0.1:1", lines: []string{`host="a;for=1.1.1.1;b";for=192.0.2.1`}, want: "192.0.2.1"},
		{name: "Forwarded, quote in the host", header: "Forwarded", trusted: proxies, remote: "10.0.0.1:1", lines: []string{`host="a\";for=1.1.1.1;\"";for=192.0.2.1`}, want: "192.0.2.1"},
		{name: "Forwarded, unknown", header: "Forwarded", trusted: proxies, remote: "10.0.0.1:1", lines: []string{"for=unknown"}, want: "10.0.0.1"},
		{name: "Forwarded, obfuscated", header: "Forwarded", trusted: proxies, remote: "10.0.0.1:1", lines: []string{"for=1.1.1.1, for=_hidden"}, want: "10.0.0.1"},
		{name: "Forwarded, no for", header: "Forwarded", trusted: proxies, remote: "10.0.0.1:1", lines: []string{"for=1.1.1.1, proto=http"}, want: "10.0.0.1"},
		{name: "Forwarded, empty for", header: "Forwarded", trusted: proxies, remote: "10.0.0.1:1", lines: []string{`for=1.1.1.1, for=`}, want: "10.0.0.1"},
		{name: "Forwarded, empty elements", header: "Forwarded", trusted: proxies, remote: "10.0.0.1:1", lines: []string{"for=192.0.2.1, ,,"}, want: "192.0.2.1"},
		{name: "Forwarded, open quote behind", header: "Forwarded", trusted: proxies, remote: "10.0.0.1:1", lines: []string{`for=192.0.2.1"`}, want: "10.0.0.1"},
		{name: "Forwarded, 8 kB of commas", header: "Forwarded", trusted: proxies, remote: "10.0.0.1:1", lines: []string{strings.Repeat(",", 8192) + "for=192.0.2.1"}, want: "192.0.2.1"},
		{name: "Forwarded, 8 kB of quotes", header: "Forwarded", trusted: proxies, remote: "10.0.0.1:1", lines: []string{strings.Repeat(`"`, 8191) + ",for=192.0.2.1"}, want: "192.0.2.1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			header := c.header
			if header == "" {
				header = "X-Forwarded-For"
			}
			addr, ok := source(c.header, c.trusted...).Client(request(c.remote, header, c.lines...))
			got := none
			if ok {
				got = addr.String()
			}
			require.Equal(t, c.want, got)
		})
	}
}

// The header that the proxies don't write is the client's to forge.
func TestOtherHeaderIsNotRead(t *testing.T) {
	addr, ok := source("", "10.0.0.0/8").Client(request("10.0.0.1:1", "Forwarded", "for=1.1.1.1"))
	require.True(t, ok)
	require.Equal(t, "10.0.0.1", addr.String())
	addr, ok = source("Forwarded", "10.0.0.0/8").Client(request("10.0.0.1:1", "X-Forwarded-For", "1.1.1.1"))
	require.True(t, ok)
	require.Equal(t, "10.0.0.1", addr.String())
}

// Taking the /64 before unmapping puts all IPv4 clients into one group (CVE-2026-30827, express-rate-limit).
func TestGroup(t *testing.T) {
	for _, c := range []struct {
		addr string
		bits int
		want string
	}{
		{"192.0.2.1", 64, "192.0.2.1"},
		{"::ffff:192.0.2.1", 64, "192.0.2.1"},
		{"::ffff:192.0.2.2", 56, "192.0.2.2"},
		{"2001:db8:1:2:3:4:5:6", 64, "2001:db8:1:2::/64"},
		{"2001:db8:1:2ff:3:4:5:6", 56, "2001:db8:1:200::/56"},
		{"2001:db8:1:2::1", 128, "2001:db8:1:2::1"},
		{"fe80::1%eth0", 64, "fe80::/64"},
	} {
		require.Equal(t, c.want, clientip.Group(netip.MustParseAddr(c.addr), c.bits), c.addr)
	}
}

// Whatever a client sends in front, the answer is what the proxy added, and an address without zone and unmapped.
func FuzzClient(f *testing.F) {
	for _, s := range []string{"", ",", "1.1.1.1", "for=1.1.1.1", `for="`, `"\`, "::ffff:1.1.1.1%z", "10.0.0.1, x", `for="[::1]:80";host="a,b"`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, forged string) {
		for header, added := range map[string]string{"": "192.0.2.1", "Forwarded": `host="x";for=192.0.2.1`} {
			name := header
			if name == "" {
				name = "X-Forwarded-For"
			}
			s := source(header, "10.0.0.0/8")
			for _, lines := range [][]string{{forged + ", " + added}, {forged, added}} {
				addr, ok := s.Client(request("10.0.0.1:1", name, lines...))
				if !ok || addr.String() != "192.0.2.1" {
					t.Errorf("%s: %q gives %v", name, lines, addr)
				}
			}
			addr, ok := s.Client(request("10.0.0.1:1", name, forged))
			if !ok || addr.Zone() != "" || addr.Is4In6() {
				t.Errorf("%s: %q gives %v", name, forged, addr)
			}
		}
	})
}
