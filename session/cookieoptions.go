package session

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
)

// Bearer takes the token from "Authorization: Bearer", and neither reads nor sets cookies. It is for APIs: the handler
// that logs the client in asks [Manager.Token] for the token and hands it over. No browser sends such a header by
// itself, so there is no protection against cross-origin requests, and no need for one.
func Bearer() Option { return func(c *config) { c.bearer = true } }

var cookieName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// CookieName sets the name of the cookie. The default is "__Host-id", or "__Secure-id" with [Domain] or [Path], or "id" with
// [InsecureDevelopment]. A name has up to 64 letters, digits, _ and -, and the same prefix as the default (ASVS 5.0
// 3.3.1, 3.3.3).
func CookieName(name string) Option {
	if !cookieName.MatchString(name) {
		panic(fmt.Sprintf("session: CookieName(%q): use up to 64 letters, digits, _ and -", name))
	}
	return func(c *config) { c.cookie = name }
}

// Domain shares the cookie with all hosts below a domain. Each of them can then read and replace it, so leave it out
// unless they are to share the session.
func Domain(domain string) Option {
	name := strings.TrimPrefix(domain, ".")
	if (&http.Cookie{Name: "id", Value: "v", Domain: name}).Valid() != nil || !strings.Contains(name, ".") {
		panic(fmt.Sprintf("session: Domain(%q): use a name such as example.com", domain))
	}
	return func(c *config) { c.domain = name }
}

// InsecureDevelopment drops Secure and the name prefix from the cookie, for development over plain HTTP. Anyone on the
// network path can then read it and plant others.
func InsecureDevelopment() Option { return func(c *config) { c.insecure = true } }

// Persistent keeps the cookie when the browser is closed, for as long as [Absolute] or [Lifetime]. By default the
// cookie ends with the browser.
func Persistent() Option { return func(c *config) { c.persistent = true } }

// SameSiteStrict withholds the cookie even from requests that follow a link on another site. The default is Lax.
func SameSiteStrict() Option { return func(c *config) { c.sameSite = http.SameSiteStrictMode } }

// Path limits the cookie to paths below path, for programs that share a host. It keeps cookies apart, and protects
// nothing: pages on the same host can reach each other. The cookie's name then begins with __Secure-. The default is "/".
func Path(path string) Option {
	if !strings.HasPrefix(path, "/") || (&http.Cookie{Name: "id", Value: "v", Path: path}).Valid() != nil {
		panic(fmt.Sprintf("session: Path(%q): use a path such as /shop", path))
	}
	return func(c *config) { c.path = path }
}

var dataTypes = map[string]bool{"cache": true, "cookies": true, "storage": true, "executionContexts": true, "*": true}

// ClearSiteData sets what the browser clears at logout. The default is cache and storage; "cookies" would also log the
// user out of other programs on the same domain. Without types the header is left out.
func ClearSiteData(types ...string) Option {
	quoted := make([]string, 0, len(types))
	for _, t := range types {
		if !dataTypes[t] {
			panic(fmt.Sprintf("session: ClearSiteData(%q): use cache, cookies, storage, executionContexts or *", t))
		}
		quoted = append(quoted, `"`+t+`"`)
	}
	return func(c *config) { c.clear = strings.Join(quoted, ", ") }
}
