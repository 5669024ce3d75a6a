package directive

import (
	"time"

	"github.com/dunglas/httpsfv"

	"github.com/jollyjet/aside/httpcache/internal/field"
)

// targeted reads a targeted field (RFC 9213, section 2.1). It is not ok if it is absent, empty or not a valid dictionary.
// Parameters of a directive have no meaning.
func targeted(lines []string) (r Response, ok bool) {
	if len(lines) == 0 {
		return Response{}, false
	}
	dictionary, err := httpsfv.UnmarshalDictionary(lines)
	if err != nil || len(dictionary.Names()) == 0 {
		return Response{}, false
	}
	for _, name := range dictionary.Names() {
		member, _ := dictionary.Get(name)
		item, single := member.(httpsfv.Item)
		if single && item.Value == false {
			continue // "no-store=?0" is how a dictionary says that it is not there
		}
		if d := r.delta(name); d != nil {
			n, _ := item.Value.(int64) // 0 for any other type: a lifetime that is no lifetime
			d.add(min(time.Duration(max(n, 0)), field.MaxDelta/time.Second) * time.Second)
			continue
		}
		fields, _ := item.Value.(string)
		r.set(name, fields)
	}
	return r, true
}
