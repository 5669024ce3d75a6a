package vary

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/jollyjet/aside/httpcache/internal/field"
)

// Fields returns the request fields that an answer depends on: canonical, sorted, each once. route are those that the route
// adds.
func Fields(answer http.Header, route ...string) []string {
	lines := slices.Concat(answer.Values("Vary"), route)
	if encoded(answer) {
		lines = append(lines, "Accept-Encoding")
	}
	if origins := answer.Values("Access-Control-Allow-Origin"); len(origins) > 0 && !slices.Equal(origins, []string{"*"}) {
		lines = append(lines, "Origin")
	}
	names, _ := field.Names(lines)
	return names
}

func encoded(answer http.Header) bool {
	return slices.ContainsFunc(field.List(answer.Values("Content-Encoding")), func(coding string) bool {
		return !strings.EqualFold(coding, "identity")
	})
}

// Key returns what the request says in these fields, as a text that is the same for no two requests which differ. An absent
// field is not the same as an empty one. Credentials and long values are in it as a digest.
func Key(fields []string, request http.Header) string {
	var b []byte
	for _, name := range fields {
		b = append(append(b, strings.ToLower(name)...), '=')
		if lines := request.Values(name); len(lines) > 0 {
			b = strconv.AppendQuote(b, short(name, normal(name, lines)))
		}
		b = append(b, '\n')
	}
	return string(b)
}

// short replaces what is secret or long by a digest, so that the text may be stored and shown.
func short(name, value string) string {
	secret := name == "Authorization" || name == "Proxy-Authorization" || name == "Cookie"
	if !secret && len(value) <= 256 {
		return value
	}
	sum := sha256.Sum256([]byte(value))
	return "sha256:" + hex.EncodeToString(sum[:])
}

// normal returns the normal form of a field's value.
func normal(name string, lines []string) string {
	switch name {
	case "Accept-Encoding":
		return codings(lines)
	case "Accept", "Accept-Charset", "Accept-Language":
		return strings.ToLower(spaceless(lines))
	case "Authorization", "Cookie", "Origin", "Proxy-Authorization", "Referer", "User-Agent":
		return strings.Join(lines, ", ") // a comma in them separates nothing
	default:
		return strings.Join(field.List(lines), ", ")
	}
}

// spaceless joins the members of a list and leaves out the white space around commas and semicolons.
func spaceless(lines []string) string {
	members := field.List(lines)
	for i, member := range members {
		if strings.Contains(member, `"`) {
			continue // a semicolon may be part of a quoted parameter
		}
		parts := strings.Split(member, ";")
		for j := range parts {
			parts[j] = strings.Trim(parts[j], " \t")
		}
		members[i] = strings.Join(parts, ";")
	}
	return strings.Join(members, ",")
}
