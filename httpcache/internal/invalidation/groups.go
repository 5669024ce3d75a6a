package invalidation

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/dunglas/httpsfv"
)

// GroupTags returns a tag for each group that an answer says it is in: Cache-Groups (RFC 9875, section 2). target is the
// request's absolute URL.
func GroupTags(target *url.URL, answer http.Header) []string {
	return tags(target, answer.Values("Cache-Groups"))
}

// tags reads a list of groups. Parameters have no meaning, and an error or a member that is no string makes the field void.
func tags(target *url.URL, lines []string) []string {
	if len(lines) == 0 {
		return nil
	}
	members, err := httpsfv.UnmarshalList(lines)
	if err != nil {
		return nil
	}
	var list []string
	for _, member := range members {
		item, _ := member.(httpsfv.Item)
		group, ok := item.Value.(string)
		if !ok {
			return nil
		}
		list = append(list, "group:"+Origin(target)+":"+group)
	}
	return distinct(list)
}

// SurrogateKeys returns the tags that an answer names in Surrogate-Key: separated by spaces, and of no origin, as whoever
// purges them has the right to purge everything.
func SurrogateKeys(answer http.Header) []string {
	var list []string
	for _, line := range answer.Values("Surrogate-Key") {
		list = append(list, strings.Fields(line)...)
	}
	return distinct(list)
}

func distinct(list []string) []string {
	slices.Sort(list)
	return slices.Compact(list)
}
