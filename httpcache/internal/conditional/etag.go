package conditional

import (
	"net/http"
	"strings"
)

// tags splits a list of entity tags. In an entity tag a backslash is a character like any other (RFC 9110, section 8.8.3),
// so it is not a list of quoted strings.
func tags(lines []string) []string {
	var list []string
	for _, line := range lines {
		start, quoted := 0, false
		for i := 0; i <= len(line); i++ {
			switch {
			case i == len(line) || line[i] == ',' && !quoted:
				if tag := strings.Trim(line[start:i], " \t"); tag != "" {
					list = append(list, tag)
				}
				start = i + 1
			case line[i] == '"':
				quoted = !quoted
			}
		}
	}
	return list
}

// opaque returns an entity tag without its mark of weakness.
func opaque(tag string) (text string, weak bool) { return strings.CutPrefix(tag, "W/") }

// weakly and strongly compare entity tags (RFC 9110, section 8.8.3.2).
func weakly(a, b string) bool {
	a, _ = opaque(a)
	b, _ = opaque(b)
	return a == b
}

func strongly(a, b string) bool {
	_, weak := opaque(a)
	return !weak && a == b
}

// wellFormed reports whether a strong entity tag is one by its syntax.
func wellFormed(tag string) bool {
	return len(tag) >= 2 && tag[0] == '"' && strings.IndexByte(tag[1:], '"') == len(tag)-2
}

// etag returns the entity tag of an answer. Several lines of it are none.
func etag(header http.Header) (tag string, ok bool) {
	lines := header.Values("Etag")
	if len(lines) != 1 {
		return "", false
	}
	tag = strings.Trim(lines[0], " \t")
	return tag, tag != ""
}

// matches reports whether a list names the tag of the answer, by the comparison given. * names any.
func matches(lines []string, answer http.Header, same func(a, b string) bool) bool {
	list := tags(lines)
	if len(list) == 1 && list[0] == "*" {
		return true
	}
	tag, ok := etag(answer)
	if !ok {
		return false
	}
	for _, named := range list {
		if same(named, tag) {
			return true
		}
	}
	return false
}
