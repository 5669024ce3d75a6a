package clientip

import "strings"

// lastFor cuts the last element off the value of a Forwarded field, RFC 7239, and returns its for= value. Malformed text
// yields an entry that is not an address.
//
// It reads from the end, where the trusted proxies wrote. Read from the start, an unpaired quote of the client's could
// swallow what they wrote.
func lastFor(list string) (entry, rest string) {
	element, rest, ok := lastElement(list)
	if !ok {
		return "?", ""
	}
	if element = strings.Trim(element, " \t"); element == "" {
		return empty, rest
	}
	for element != "" {
		var pair string
		pair, element = firstPair(element)
		name, value, ok := strings.Cut(strings.Trim(pair, " \t"), "=")
		if ok && strings.EqualFold(name, "for") {
			return node(value), rest
		}
	}
	return "?", rest // a proxy that does not say whom it got the request from
}

// firstPair cuts at the first semicolon that is not in quotes: a host= value is the client's and may contain semicolons.
func firstPair(element string) (pair, rest string) {
	quoted := false
	for i := range len(element) {
		switch element[i] {
		case '"':
			if !quoted || !escaped(element, i) {
				quoted = !quoted
			}
		case ';':
			if !quoted {
				return element[:i], element[i+1:]
			}
		}
	}
	return element, ""
}

// lastElement cuts at the last comma that is not in quotes. It reports false if the quotes to its right don't pair.
func lastElement(list string) (element, rest string, ok bool) {
	quoted := false
	for i := len(list) - 1; i >= 0; i-- {
		switch list[i] {
		case '"':
			if !escaped(list, i) {
				quoted = !quoted
			}
		case ',':
			if !quoted {
				return list[i+1:], list[:i], true
			}
		}
	}
	return list, "", !quoted
}

// escaped reports whether an odd number of backslashes stands before i.
func escaped(s string, i int) bool {
	n := 0
	for i--; i >= 0 && s[i] == '\\'; i-- {
		n++
	}
	return n%2 == 1
}

// node is a for= value without its quotes. An empty value is not an address, but not an empty element either.
func node(value string) string {
	if n := len(value); n >= 2 && value[0] == '"' && value[n-1] == '"' {
		value = value[1 : n-1]
	}
	if value == "" || strings.ContainsAny(value, `"\`) {
		return "?"
	}
	return value
}
