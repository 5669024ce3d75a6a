package field

import (
	"net/textproto"
	"slices"
	"strings"
)

// List returns the members of a list field: all lines, split at commas outside quoted strings, without the white space
// around them. Empty members are left out (RFC 9110, section 5.6.1.2). A quoted string that isn't closed ends with its line.
func List(lines []string) []string {
	var members []string
	for _, line := range lines {
		for line != "" {
			var member string
			member, line, _ = cut(line)
			if member = strings.Trim(member, " \t"); member != "" {
				members = append(members, member)
			}
		}
	}
	return members
}

// Open reports whether a member ends within a quoted string: its line is cut off, or the sender doesn't quote.
func Open(member string) bool {
	_, _, open := cut(member)
	return open
}

// cut returns what is before the first comma outside quotes, and what follows it. It is open if it ends within quotes.
func cut(line string) (member, rest string, open bool) {
	quoted := false
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case c == '"':
			quoted = !quoted
		case c == '\\' && quoted:
			i++ // the next one is literal
		case c == ',' && !quoted:
			return line[:i], line[i+1:], false
		}
	}
	return line, "", quoted
}

// Names returns the field names in a list of them, as Vary and Connection have it: canonical, sorted, each once. What is
// no field name is left out and reported by valid.
func Names(lines []string) (names []string, valid bool) {
	valid = true
	for _, member := range List(lines) {
		if !IsToken(member) {
			valid = false
			continue
		}
		names = append(names, textproto.CanonicalMIMEHeaderKey(member))
	}
	slices.Sort(names)
	return slices.Compact(names), valid
}

// IsToken reports whether s is a token (RFC 9110, section 5.6.2).
func IsToken(s string) bool {
	for i := range len(s) {
		c := s[i]
		alphanumeric := '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
		if !alphanumeric && strings.IndexByte("!#$%&'*+-.^_`|~", c) < 0 {
			return false
		}
	}
	return s != ""
}

// Unquote returns the content of a quoted string, and s itself if it is a token. Anything else is not ok.
func Unquote(s string) (content string, ok bool) {
	if !strings.HasPrefix(s, `"`) {
		return s, IsToken(s)
	}
	if len(s) < 2 || s[len(s)-1] != '"' {
		return "", false
	}
	var b strings.Builder
	for body := s[1 : len(s)-1]; body != ""; body = body[1:] {
		switch {
		case body[0] == '"', body == `\`:
			return "", false
		case body[0] == '\\':
			body = body[1:]
		}
		b.WriteByte(body[0])
	}
	return b.String(), true
}
