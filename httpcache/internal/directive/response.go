package directive

import (
	"net/http"
	"strings"

	"github.com/jollyjet/aside/httpcache/internal/field"
)

// Response is what an answer says about its storage.
type Response struct {
	// Source is the field that was read, "" if the answer has none. With a targeted one, Cache-Control and Expires don't
	// count.
	Source string

	NoStore         bool
	NoCache         bool // for the whole answer; see NoCacheFields
	Private         bool // for the whole answer; see PrivateFields
	Public          bool
	MustRevalidate  bool // proxy-revalidate, too, which says the same to a shared cache
	MustUnderstand  bool
	NoCacheFields   []string // canonical names: they must not be used without revalidation, the rest may
	PrivateFields   []string // canonical names: they must not be stored, the rest may
	MaxAge, SMaxAge Delta

	StaleWhileRevalidate, StaleIfError Delta
}

// Targeted reports whether the directives are from a field that replaces Cache-Control and Expires.
func (r Response) Targeted() bool { return r.Source != "" && r.Source != "Cache-Control" }

// OfAnswer reads the directives of an answer: those of the first target that is there and valid, else of Cache-Control.
func OfAnswer(header http.Header, targets ...string) Response {
	for _, target := range targets {
		if r, ok := targeted(header.Values(target)); ok {
			r.Source = http.CanonicalHeaderKey(target)
			return r
		}
	}
	var r Response
	lines := header.Values("Cache-Control")
	if len(lines) > 0 {
		r.Source = "Cache-Control"
	}
	for _, member := range field.List(lines) {
		name, argument := split(member)
		if d := r.delta(name); d != nil {
			d.addText(argument)
		} else {
			fields, _ := field.Unquote(argument)
			r.set(name, fields)
		}
		if field.Open(member) {
			r.restrict(member)
		}
	}
	return r
}

// restrict notes the directives that a quote which is never closed would hide, as far as they forbid something.
func (r *Response) restrict(member string) {
	for piece := range strings.SplitSeq(member, ",") {
		switch name, _ := split(strings.Trim(piece, " \t\"")); name {
		case "no-store", "no-cache", "private", "must-revalidate", "proxy-revalidate":
			r.set(name, "")
		}
	}
}

// split cuts a directive at its equals sign. A space around it is an error: the name counts, the argument doesn't.
func split(member string) (name, argument string) {
	name, argument, _ = strings.Cut(member, "=")
	if trimmed := strings.TrimRight(name, " \t"); trimmed != name {
		name, argument = trimmed, ""
	}
	return strings.ToLower(name), argument
}

// delta returns the place of a directive that tells a time, nil for any other.
func (r *Response) delta(name string) *Delta {
	switch name {
	case "max-age":
		return &r.MaxAge
	case "s-maxage":
		return &r.SMaxAge
	case "stale-while-revalidate":
		return &r.StaleWhileRevalidate
	case "stale-if-error":
		return &r.StaleIfError
	default:
		return nil
	}
}

// set notes a directive that tells no time. Unknown ones are ignored (RFC 9111, section 5.2.3).
func (r *Response) set(name, fields string) {
	switch name {
	case "no-store":
		r.NoStore = true
	case "no-cache":
		qualify(&r.NoCache, &r.NoCacheFields, fields)
	case "private":
		qualify(&r.Private, &r.PrivateFields, fields)
	case "public":
		r.Public = true
	case "must-revalidate", "proxy-revalidate":
		r.MustRevalidate = true
	case "must-understand":
		r.MustUnderstand = true
	}
}

// qualify narrows a directive to the fields that its argument names. Without a valid one it is for the whole answer.
func qualify(whole *bool, names *[]string, argument string) {
	list, valid := field.Names([]string{argument})
	if !valid || len(list) == 0 {
		*whole = true
		return
	}
	*names = append(*names, list...)
}
