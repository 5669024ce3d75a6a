// Package novary reads No-Vary-Search (draft-ietf-httpbis-no-vary-search) and brings the query of a URL into the form by
// which answers are found:
//
//	rule := novary.Parse(answer.Header)    // when an answer is stored; the rule is kept with the URL's path
//	key := rule.Query(request.URL.RawQuery)
//
// Two queries have the same form if and only if the rule says that they don't differ. A field with an error says nothing:
// the default is that every query counts, byte by byte.
package novary
