package session

import (
	"net/http"
	"slices"
	"strings"
)

// maxCookies is how many different cookies of one name are looked up.
const maxCookies = 4

// tokensOf returns the different tokens that a request presents, and whether it presents any, whatever they are worth.
// A browser sends several cookies of one name if they were set with different attributes. Those of a __Host- cookie can't
// differ, but for Partitioned, so several such are worth nothing.
func (c *config) tokensOf(r *http.Request) (texts []string, given bool) {
	if c.bearer {
		text, given := bearerOf(r)
		return []string{text}, given
	}
	cookies := r.CookiesNamed(c.cookie)
	for _, one := range cookies {
		if !one.Quoted && !slices.Contains(texts, one.Value) {
			texts = append(texts, one.Value)
		}
	}
	fixed := strings.HasPrefix(c.cookie, "__Host-") && !c.partitioned
	if len(texts) > maxCookies || len(texts) > 1 && fixed {
		texts = nil
	}
	return texts, len(cookies) > 0
}

// bearerOf reads "Authorization: Bearer token" (RFC 6750 section 2.1; the scheme in any case, RFC 9110 section 11.1).
// Other schemes are ignored.
func bearerOf(r *http.Request) (text string, given bool) {
	values := r.Header.Values("Authorization")
	if len(values) == 0 {
		return "", false
	}
	scheme, text, _ := strings.Cut(values[0], " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return "", false
	}
	if len(values) > 1 {
		return "", true
	}
	return text, true
}

// carries reports whether a request has credentials of this manager, whatever they are worth, and whether one of them
// has the form of a user's token.
func (c *config) carries(r *http.Request) (given, ofUser bool) {
	var texts []string
	if c.bearer {
		for _, value := range r.Header.Values("Authorization") {
			if scheme, text, _ := strings.Cut(value, " "); strings.EqualFold(scheme, "Bearer") {
				texts = append(texts, text)
			}
		}
	} else {
		for _, cookie := range r.CookiesNamed(c.cookie) {
			texts = append(texts, cookie.Value)
		}
	}
	for _, text := range texts {
		t, ok := parseToken(text)
		ofUser = ofUser || ok && t.bound
	}
	return len(texts) > 0, ofUser
}

// vary is the header that the session of a request depends on.
func (c *config) vary() string {
	if c.bearer {
		return "Authorization"
	}
	return "Cookie"
}
