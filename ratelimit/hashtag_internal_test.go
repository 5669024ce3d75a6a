package ratelimit

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// httprate-redis has a bare hash of 64 bits for a key, so clients can be made to meet. Here two keys never become one,
// and no key ends the hash tag early.
func TestHashTags(t *testing.T) {
	awkward := []string{"", "#", "{}", "}", "a}b", "%", "%7D", "\x00", "ä", "a b", strings.Repeat("x", 96), strings.Repeat("x", 97)}
	seen := map[string]string{}
	for _, key := range awkward {
		s := hashTagOf(key)
		require.NotContains(t, seen, s, "%q and %q", key, seen[s])
		seen[s] = key
	}
	rapid.Check(t, func(t *rapid.T) {
		one, two := rapid.String().Draw(t, "one"), rapid.String().Draw(t, "two")
		a, b := hashTagOf(one), hashTagOf(two)
		if (one == two) != (a == b) {
			t.Fatalf("%q is %q, %q is %q", one, a, two, b)
		}
		if a == "" || len(a) > maxHashTag || strings.ContainsAny(a, "{} \r\n\x00") {
			t.Fatalf("%q is %q", one, a)
		}
	})
	require.Equal(t, "user:42|ip:192.0.2.1", hashTagOf("user:42|ip:192.0.2.1"), "what can be read stays so")
	require.NotContains(t, hashTagOf(strings.Repeat("secret", 99)), "secret")
	require.Len(t, hashTagOf(strings.Repeat("secret", 99)), 1+22, "128 bits in base64")
}
