package vary

import (
	"slices"
	"strings"

	"github.com/jollyjet/aside/httpcache/internal/field"
)

// codings is the normal form of Accept-Encoding: the codings that the client reads, sorted. How much it likes each doesn't
// count. What it refuses counts where that says anything: for identity, for *, and next to a *.
func codings(lines []string) string {
	var accepted, refused []string
	for _, member := range field.List(lines) {
		coding, weight, _ := strings.Cut(member, ";")
		coding = strings.ToLower(strings.Trim(coding, " \t"))
		coding = strings.TrimPrefix(coding, "x-") // RFC 9110, section 8.4.1: x-gzip is gzip, x-compress compress
		if isZero(weight) {
			refused = append(refused, coding)
		} else {
			accepted = append(accepted, coding)
		}
	}
	wildcard := slices.Contains(accepted, "*") || slices.Contains(refused, "*")
	set := slices.DeleteFunc(accepted, func(c string) bool { return c == "identity" && !wildcard })
	for _, c := range refused {
		if wildcard || c == "identity" {
			set = append(set, c+";q=0")
		}
	}
	slices.Sort(set)
	return strings.Join(slices.Compact(set), ",")
}

// isZero reads a weight: "q=0", "q=0.000". What is no weight is not zero.
func isZero(weight string) bool {
	name, value, _ := strings.Cut(strings.Trim(weight, " \t"), "=")
	if !strings.EqualFold(strings.Trim(name, " \t"), "q") {
		return false
	}
	value = strings.Trim(value, " \t")
	return value != "" && strings.Trim(value, "0.") == "" && value[0] == '0'
}
