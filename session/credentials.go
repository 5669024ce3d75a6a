package session

import (
	"net/http"
	"strings"
)

// tokenOf returns the token that a request presents, and whether it presents any. Of several different ones it returns
// "": somebody else may have planted one of the cookies.
func (c *config) tokenOf(r *http.Request) (text string, given bool) {
	if c.bearer {
		return bearerOf(r)
	}
	cookies := r.CookiesNamed(c.cookie)
	if len(cookies) == 0 {
		return "", false
	}
	for _, one := range cookies {
		if one.Quoted || one.Value != cookies[0].Value {
			return "", true
		}
	}
	return cookies[0].Value, true
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
