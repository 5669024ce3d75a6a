package session

import "net/http"

// tokenOf returns the first token that a request presents, and whether it presents any.
func (c *config) tokenOf(r *http.Request) (text string, given bool) {
	texts, given := c.tokensOf(r)
	if len(texts) > 0 {
		text = texts[0]
	}
	return text, given
}
