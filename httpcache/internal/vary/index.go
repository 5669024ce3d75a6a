package vary

import (
	"net/http"
	"slices"
)

// Index is what the entry of a URL holds whose answers depend on request fields. The zero Index is that of a URL nothing is
// known of.
type Index struct {
	Fields   []string // what answers depend on: canonical, sorted
	Variants []string // the keys of those that are stored, the oldest first
}

// MaxVariants is how many variants of a URL are stored unless the route says otherwise.
const MaxVariants = 64

// Add notes an answer that depends on fields and is the one for request. The Index that follows has all fields
// that any answer named: a variant then is known by more than it depends on, never by less. dropped are the variants to
// remove from the store: those whose key no longer says enough, and the oldest ones above most.
func (x Index) Add(fields []string, request http.Header, most int) (next Index, variant string, dropped []string) {
	next = Index{Fields: union(x.Fields, fields)}
	if slices.Equal(next.Fields, x.Fields) {
		next.Variants = slices.Clone(x.Variants)
	} else {
		dropped = slices.Clone(x.Variants)
	}
	variant = Key(next.Fields, request)
	next.Variants = append(slices.DeleteFunc(next.Variants, func(v string) bool { return v == variant }), variant)
	if over := len(next.Variants) - max(most, 1); over > 0 {
		dropped = append(dropped, next.Variants[:over]...)
		next.Variants = slices.Clone(next.Variants[over:])
	}
	return next, variant, dropped
}

func union(a, b []string) []string {
	all := slices.Concat(a, b)
	slices.Sort(all)
	return slices.Compact(all)
}
