package ratelimit

import (
	"context"
	"maps"
	"net/http"
	"net/url"
	"slices"
)

// keying is what this package's key functions learn from the limiter that asks, and tell it. It travels in the context of
// the request that a [KeyFunc] gets, and not further. It is one goroutine's.
type keying struct {
	client *ipConfig // the limiter's; nil while it is looked for

	// A header that nobody has verified is a key that the client chooses. unverified says that one was read; with
	// byAddress it reads as the client's address.
	unverified bool
	byAddress  bool

	// To find the client's identity in a key function, each part of it is called with an empty request.
	search bool
	found  *ipConfig
}

type keyingContext struct{}

// keyingOf returns nil if a key function was called by somebody else.
func keyingOf(r *http.Request) *keying {
	if r == nil {
		return nil
	}
	k, _ := r.Context().Value(keyingContext{}).(*keying)
	return k
}

func (k *keying) on(r *http.Request) *http.Request {
	return r.WithContext(context.WithValue(r.Context(), keyingContext{}, k))
}

// searches looks into all parts of a key, and reports whether that was what it was called for.
func (k *keying) searches(parts []KeyFunc, r *http.Request) bool {
	if k == nil || !k.search {
		return false
	}
	for _, part := range parts {
		k.part(part, r)
	}
	return true
}

// requestKeys returns the key that a request is charged to, and the key of the same kind that is charged as well because
// nobody has verified the first; "" if there is none. A nil KeyFunc stands for the client's address.
func requestKeys(keyOf KeyFunc, client *ipConfig, r *http.Request) (key, address string) {
	if keyOf == nil {
		return client.key(r), ""
	}
	k := &keying{client: client}
	asked := k.on(r)
	if key = keyOf(asked); key == "" {
		return client.key(r), ""
	}
	if k.unverified {
		k.byAddress = true
		if address = keyOf(asked); address == "" {
			address = client.key(r)
		}
	}
	return key, address
}

// identityOf is how clients are known if ClientIP does not say: as the first key with an identity has it.
func identityOf(key KeyFunc, named map[string]KeyFunc) *ipConfig {
	if c := identityIn(key); c != nil {
		return c
	}
	for _, name := range slices.Sorted(maps.Keys(named)) {
		if c := identityIn(named[name]); c != nil {
			return c
		}
	}
	return &ipConfig{}
}

// identityIn calls a key function with an empty request, for which a function of the user's own may panic.
func identityIn(key KeyFunc) *ipConfig {
	if key == nil {
		return nil
	}
	k := &keying{search: true}
	k.part(key, k.on(&http.Request{
		Method: http.MethodGet, URL: &url.URL{Path: "/"}, Header: http.Header{}, Body: http.NoBody, Host: "localhost",
	}))
	return k.found
}

// part calls a part of the key that is searched. One that panics, because the request has nothing in it, is passed.
func (k *keying) part(key KeyFunc, r *http.Request) {
	defer func() { _ = recover() }()
	key(r)
}
