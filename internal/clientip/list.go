package clientip

import "strings"

// empty is what an empty element of a list reads as; RFC 9110, section 5.6.1, has recipients ignore them.
const empty = ""

// lastField cuts the last element off a list.
func lastField(list string) (entry, rest string) {
	if i := strings.LastIndexByte(list, ','); i >= 0 {
		list, rest = list[i+1:], list[:i]
	}
	return strings.Trim(list, " \t"), rest
}
