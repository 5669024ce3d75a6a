package session

import (
	"fmt"
	"net/http"
)

// SameSiteNone lets browsers send the cookie with requests from other sites: pages embedded in a frame elsewhere, and forms
// that a payment or login provider posts back. Requests that change something are still refused from other origins; see
// [ExemptCrossOrigin]. Some browsers block such cookies in frames, unless they are [Partitioned].
func SameSiteNone() Option { return func(c *config) { c.sameSite = http.SameSiteNoneMode } }

// Partitioned is for pages that are embedded in a frame of other sites (CHIPS): the browser keeps a cookie of its own for
// each site that embeds the page, so a user logs in once in each of them. It needs [SameSiteNone].
func Partitioned() Option { return func(c *config) { c.partitioned = true } }

// ExemptCrossOrigin lets requests from other origins through where they match one of the patterns of [http.ServeMux],
// such as "POST /payment/return": for providers that post to this site. The handler must not trust such a request
// because of its cookie; it has to verify what the provider has signed. It replaces no [CrossOrigin], which has
// AddInsecureBypassPattern for that.
func ExemptCrossOrigin(patterns ...string) Option {
	for _, pattern := range patterns {
		bypass(http.NewCrossOriginProtection(), pattern)
	}
	return func(c *config) { c.exempt = append(c.exempt, patterns...) }
}

// bypass panics with the name of the option if the pattern is wrong.
func bypass(p *http.CrossOriginProtection, pattern string) {
	defer func() {
		if v := recover(); v != nil {
			panic(fmt.Sprintf("session: ExemptCrossOrigin(%q): %v; use a pattern such as POST /payment/return", pattern, v))
		}
	}()
	p.AddInsecureBypassPattern(pattern)
}

// CrossOrigin replaces the protection against cross-origin requests (CSRF). Use it to trust origins, exempt paths, or
// answer with something else than 403. The default is http.NewCrossOriginProtection().
func CrossOrigin(protection *http.CrossOriginProtection) Option {
	if protection == nil {
		panic("session: CrossOrigin(nil): leave the option out, or use AddInsecureBypassPattern to exempt paths")
	}
	return func(c *config) { c.csrf, c.csrfGiven = protection, true }
}

// checkCrossSite refuses what browsers would not accept from other sites, and applies the exemptions.
func (c *config) checkCrossSite() {
	if c.partitioned && c.sameSite != http.SameSiteNoneMode {
		panic("session: Partitioned: embedded pages get no other cookies; add SameSiteNone, and leave SameSiteStrict out")
	}
	if c.insecure && c.sameSite == http.SameSiteNoneMode {
		panic("session: InsecureDevelopment with SameSiteNone: browsers refuse such cookies without Secure; use HTTPS")
	}
	if c.csrfGiven && len(c.exempt) > 0 {
		panic("session: ExemptCrossOrigin with CrossOrigin: use AddInsecureBypassPattern of what you give to CrossOrigin")
	}
	for _, pattern := range c.exempt {
		bypass(c.csrf, pattern)
	}
}
