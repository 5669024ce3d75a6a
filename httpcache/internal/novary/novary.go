package novary

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/dunglas/httpsfv"
)

// Rule says which parts of a query change the answer. The zero Rule is the default: all of them do.
type Rule struct {
	AnyOrder bool     // the order of different parameters doesn't count
	Except   bool     // all parameters but Names are ignored; else Names are the ones that are
	Names    []string // decoded, sorted, each once
}

// IsDefault reports whether every query counts as it is.
func (r Rule) IsDefault() bool { return !r.AnyOrder && !r.Except && len(r.Names) == 0 }

// Parse reads the field of an answer. Unknown members are ignored, and an error makes the rule the default.
func Parse(answer http.Header) Rule {
	lines := answer.Values("No-Vary-Search")
	if len(lines) == 0 {
		return Rule{}
	}
	dictionary, err := httpsfv.UnmarshalDictionary(lines)
	if err != nil {
		return Rule{}
	}
	var r Rule
	ignored, except := []string(nil), []string(nil)
	valid := boolean(dictionary, "key-order", &r.AnyOrder)
	if isList(dictionary, "params") {
		valid = valid && names(dictionary, "params", &ignored)
	} else {
		valid = valid && boolean(dictionary, "params", &r.Except)
	}
	_, excepts := dictionary.Get("except")
	valid = valid && names(dictionary, "except", &except) && (!excepts || r.Except)
	if !valid {
		return Rule{}
	}
	r.Names = ignored
	if r.Except {
		r.Names = except
	}
	return r
}

// boolean reads a member that is true or false. One that is absent is false.
func boolean(dictionary *httpsfv.Dictionary, name string, to *bool) (valid bool) {
	member, ok := dictionary.Get(name)
	if !ok {
		return true
	}
	item, ok := member.(httpsfv.Item)
	if !ok {
		return false
	}
	*to, ok = item.Value.(bool)
	return ok
}

func isList(dictionary *httpsfv.Dictionary, name string) bool {
	member, _ := dictionary.Get(name)
	_, ok := member.(httpsfv.InnerList)
	return ok
}

// names reads a member that is a list of parameters, which are written as in a query.
func names(dictionary *httpsfv.Dictionary, name string, to *[]string) (valid bool) {
	member, ok := dictionary.Get(name)
	if !ok {
		return true
	}
	list, ok := member.(httpsfv.InnerList)
	if !ok {
		return false
	}
	for _, item := range list.Items {
		text, ok := item.Value.(string)
		if !ok {
			return false
		}
		*to = append(*to, decode(text))
	}
	slices.Sort(*to)
	*to = slices.Compact(*to)
	return true
}

// Query returns the form of a query, without its question mark: the parameters that count, in the order that counts.
func (r Rule) Query(raw string) string {
	if r.IsDefault() {
		return raw
	}
	type parameter struct{ name, value string }
	var kept []parameter
	for piece := range strings.SplitSeq(raw, "&") {
		name, value, _ := strings.Cut(piece, "=")
		if name = decode(name); piece == "" || r.ignores(name) {
			continue
		}
		kept = append(kept, parameter{name, decode(value)})
	}
	if r.AnyOrder { // of parameters of one name the order counts
		slices.SortStableFunc(kept, func(a, b parameter) int { return strings.Compare(a.name, b.name) })
	}
	pieces := make([]string, len(kept))
	for i, p := range kept {
		pieces[i] = url.QueryEscape(p.name) + "=" + url.QueryEscape(p.value)
	}
	return strings.Join(pieces, "&")
}

func (r Rule) ignores(name string) bool {
	_, listed := slices.BinarySearch(r.Names, name)
	return listed != r.Except
}

// decode undoes what a form does to a name or value. A percent sign that starts no byte stands for itself.
func decode(s string) string {
	if !strings.ContainsAny(s, "+%") {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '+':
			b = append(b, ' ')
		case s[i] == '%' && i+2 < len(s) && isHex(s[i+1]) && isHex(s[i+2]):
			b = append(b, unhex(s[i+1])<<4|unhex(s[i+2]))
			i += 2
		default:
			b = append(b, s[i])
		}
	}
	return string(b)
}

func isHex(c byte) bool { return strings.IndexByte("0123456789abcdefABCDEF", c) >= 0 }

func unhex(c byte) byte {
	if c <= '9' {
		return c - '0'
	}
	return (c | 0x20) - 'a' + 10
}
