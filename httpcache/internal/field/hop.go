package field

import (
	"net/http"
	"slices"
)

// hops are the fields that are for one connection or one proxy (RFC 9111, section 3.1, and RFC 9110, section 7.6.1).
var hops = []string{
	"Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authentication-Info", "Proxy-Authorization", "Proxy-Connection",
	"Te", "Trailer", "Transfer-Encoding", "Upgrade",
}

// HopByHop returns the canonical names of the fields that must not be stored or passed on: those that are always for one
// hop, and those that Connection names.
func HopByHop(header http.Header) []string {
	named, _ := Names(header.Values("Connection"))
	return append(slices.Clip(hops), named...)
}
