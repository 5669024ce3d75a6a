// Package clientip finds the address of a request's client, without believing what the client says about itself.
package clientip

import (
	"iter"
	"net"
	"net/http"
	"net/netip"
)

// Source says where to look. The zero value uses the address of the connection, and no header.
type Source struct {
	Header string // the one that trusted proxies write; X-Forwarded-For if empty
	Hops   int    // the number of proxies, if they are counted and not known by address
	Unix   bool   // the peer of a Unix socket is a trusted proxy

	trusted []netip.Prefix
}

// Trust adds proxies whose header is believed. It must not be called concurrently with [Source.Client].
func (s *Source) Trust(proxies []netip.Prefix) {
	for _, p := range proxies {
		s.trusted = append(s.trusted, unmap(p).Masked())
	}
}

// Believes reports whether any peer's header is read.
func (s *Source) Believes() bool { return len(s.trusted) > 0 || s.Hops > 0 || s.Unix }

func (s *Source) trusts(addr netip.Addr) bool {
	for _, p := range s.trusted {
		if p.Contains(addr) {
			return true
		}
	}
	return false
}

// believes reports whether the header of a request is read. Without an address the peer is known only by its socket.
func (s *Source) believes(r *http.Request, peer netip.Addr, known bool) bool {
	switch {
	case !known:
		return s.Unix && overUnixSocket(r)
	case len(s.trusted) > 0:
		return s.trusts(peer)
	}
	return s.Hops > 0
}

// overUnixSocket is about a request whose RemoteAddr is no address. Only a server of this process can say more.
func overUnixSocket(r *http.Request) bool {
	local, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	return !ok || local.Network() == "unix"
}

// Client returns the address of the request's client. It reports false if there is none.
//
// The hops are walked from the peer outwards, which is from the end of the header's last line to the start of its first.
// Each hop is believed because a trusted proxy wrote it. So the walk ends at the first that is not trusted, or after Hops of
// them. It also ends at an entry that is not an address, with the proxy that passed it on, and at the end of the header,
// with the last proxy.
func (s *Source) Client(r *http.Request) (client netip.Addr, ok bool) {
	client, ok = parseAddr(r.RemoteAddr)
	if !s.believes(r, client, ok) {
		return client, ok
	}
	n := 0
	for entry := range s.entries(r.Header) {
		hop, isAddr := parseAddr(entry)
		if n++; n < s.Hops {
			if isAddr { // which one is not matters only where it is the client's
				client, ok = hop, true
			}
			continue
		}
		if !isAddr {
			return client, ok
		}
		client, ok = hop, true
		if s.Hops > 0 || !s.trusts(client) {
			return client, true
		}
	}
	return client, ok
}

// entries are those of the header from the last to the first, without empty ones.
func (s *Source) entries(h http.Header) iter.Seq[string] {
	header, next := s.Header, lastField
	switch header {
	case "":
		header = "X-Forwarded-For"
	case "Forwarded":
		next = lastFor
	}
	lines := h[http.CanonicalHeaderKey(header)]
	return func(yield func(string) bool) {
		for i := len(lines) - 1; i >= 0; i-- {
			for rest := lines[i]; rest != ""; {
				var entry string
				if entry, rest = next(rest); entry != empty && !yield(entry) {
					return
				}
			}
		}
	}
}
