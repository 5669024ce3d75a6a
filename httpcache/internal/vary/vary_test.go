package vary

import (
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// header builds a header from names and values in turn.
func header(pairs ...string) http.Header {
	h := http.Header{}
	for i := 0; i < len(pairs); i += 2 {
		h.Add(pairs[i], pairs[i+1])
	}
	return h
}

// RFC 9110, section 12.5.5: Vary; and what it should have said.
func TestFieldsThatAnAnswerDependsOn(t *testing.T) {
	for name, c := range map[string]struct {
		answer http.Header
		route  []string
		want   []string
	}{
		"nothing":                    {header(), nil, nil},
		"several lines and cases":    {header("Vary", "foo, Accept", "Vary", "FOO,,bar"), nil, []string{"Accept", "Bar", "Foo"}},
		"the route's":                {header("Vary", "foo"), []string{"x-device"}, []string{"Foo", "X-Device"}},
		"encoded, no Vary":           {header("Content-Encoding", "gzip"), nil, []string{"Accept-Encoding"}},
		"encoded, other Vary":        {header("Content-Encoding", "br", "Vary", "Foo"), nil, []string{"Accept-Encoding", "Foo"}},
		"identity":                   {header("Content-Encoding", "Identity"), nil, nil},
		"one origin":                 {header("Access-Control-Allow-Origin", "https://a.example"), nil, []string{"Origin"}},
		"any origin":                 {header("Access-Control-Allow-Origin", "*"), nil, nil},
		"any origin, said a 2nd way": {header("Access-Control-Allow-Origin", "*", "Access-Control-Allow-Origin", "null"), nil, []string{"Origin"}},
	} {
		require.Equal(t, c.want, Fields(c.answer, c.route...), name)
	}
}

// RFC 9111, section 4.1: which requests match.
func TestRequestsThatMatch(t *testing.T) {
	fields := []string{"Accept-Encoding", "Accept-Language", "Foo", "User-Agent"}
	same := [][2]http.Header{
		{header(), header("Baz", "1")},
		{header("Foo", "1, 2"), header("Foo", "1", "Foo", "2")},
		{header("Foo", "1,2"), header("Foo", " 1 , 2 ")},
		{header("Accept-Language", "en, DE ; q=0.5"), header("Accept-Language", "EN,de;q=0.5")},
		{header("Accept-Encoding", "gzip, br"), header("Accept-Encoding", "br;q=0.9, x-gzip;q=0.1")},
		{header("Accept-Encoding", "gzip, identity"), header("Accept-Encoding", "gzip, deflate;q=0")},
		{header("Accept-Encoding", "identity"), header("Accept-Encoding", "")},
	}
	for _, c := range same {
		require.Equal(t, Key(fields, c[0]), Key(fields, c[1]), "%v and %v", c[0], c[1])
	}
	differ := [][2]http.Header{
		{header(), header("Foo", "")},
		{header(), header("Foo", "1")},
		{header("Foo", "1"), header("Foo", "2")},
		{header("Foo", "a"), header("Foo", "A")},
		{header("Foo", `"a, b"`), header("Foo", `"a,b"`)},
		{header("Foo", "1, 2"), header("Foo", "2, 1")},
		{header("Accept-Language", "en, de"), header("Accept-Language", "de, en")},
		{header("User-Agent", "a,b"), header("User-Agent", "a, b")},
		{header("Accept-Encoding", "gzip"), header("Accept-Encoding", "gzip, br")},
		{header("Accept-Encoding", "gzip"), header("Accept-Encoding", "gzip;q=0")},
		{header("Accept-Encoding", "gzip"), header("Accept-Encoding", "gzip, identity;q=0")},
		{header("Accept-Encoding", "*"), header("Accept-Encoding", "*, gzip;q=0.000")},
		{header("Accept-Encoding", "*;q=0"), header("Accept-Encoding", "*;q=0, identity")},
		{header("Accept-Encoding", ""), header()},
		{header("Accept-Encoding", "gzip;q=."), header("Accept-Encoding", "gzip;q=0")},
		{header("Foo", "1\nuser-agent=\"x\""), header("Foo", "1", "User-Agent", "x")},
	}
	for _, c := range differ {
		require.NotEqual(t, Key(fields, c[0]), Key(fields, c[1]), "%v and %v", c[0], c[1])
	}
}

func TestKeyShowsNoCredentials(t *testing.T) {
	fields := []string{"Authorization", "Cookie", "Foo"}
	key := Key(fields, header("Authorization", "Bearer secret", "Cookie", "id=secret", "Foo", strings.Repeat("x", 5000)))
	require.NotContains(t, key, "secret")
	require.Less(t, len(key), 400)
	require.NotEqual(t, key, Key(fields, header("Authorization", "Bearer other", "Cookie", "id=secret", "Foo", strings.Repeat("x", 5000))))
}

func TestIndexKnowsAnswersByAllThatAnyDependsOn(t *testing.T) {
	de, fr := header("Accept-Language", "de", "Foo", "1"), header("Accept-Language", "fr", "Foo", "2")
	x, keyDE, dropped := Index{}.Add([]string{"Accept-Language"}, de, 8)
	require.Empty(t, dropped)
	require.Equal(t, Index{Fields: []string{"Accept-Language"}, Variants: []string{keyDE}}, x)
	x, keyFR, dropped := x.Add([]string{"Accept-Language"}, fr, 8)
	require.Empty(t, dropped)
	x, again, dropped := x.Add([]string{"Accept-Language"}, de, 8)
	require.Empty(t, dropped)
	require.Equal(t, keyDE, again)
	require.Equal(t, []string{keyFR, keyDE}, x.Variants, "each once, the newest last")

	x, key, dropped := x.Add([]string{"Foo"}, de, 8)
	require.Equal(t, []string{keyFR, keyDE}, dropped, "they don't tell Foo")
	require.Equal(t, Index{Fields: []string{"Accept-Language", "Foo"}, Variants: []string{key}}, x)
	_, same, dropped := x.Add(nil, de, 8)
	require.Empty(t, dropped)
	require.Equal(t, key, same, "an answer that names less is known by as much as the others")
}

func TestIndexIsCapped(t *testing.T) {
	var x Index
	var first string
	for i := range MaxVariants + 10 {
		var key string
		var dropped []string
		x, key, dropped = x.Add([]string{"Foo"}, header("Foo", strconv.Itoa(i)), MaxVariants)
		if i == 0 {
			first = key
		}
		if i == MaxVariants {
			require.Equal(t, []string{first}, dropped, "the oldest")
		}
	}
	require.Len(t, x.Variants, MaxVariants)
}

func TestIndexDoesNotChangeTheOneItComesFrom(t *testing.T) {
	x, _, _ := Index{}.Add([]string{"Foo"}, header("Foo", "1"), 8)
	x, _, _ = x.Add([]string{"Foo"}, header("Foo", "2"), 8)
	before := strings.Join(x.Variants, "")
	x.Add([]string{"Foo"}, header("Foo", "1"), 8)
	x.Add([]string{"Foo"}, header("Foo", "3"), 1)
	require.Equal(t, before, strings.Join(x.Variants, ""))
}

func FuzzKey(f *testing.F) {
	f.Add("Foo, *", `gzip;q=0, *`, `en;q=0.5, "`)
	f.Fuzz(func(t *testing.T, varyLine, a, b string) {
		fields := Fields(header("Vary", varyLine, "Content-Encoding", "gzip"), "Accept-Language", "Foo")
		one := header("Accept-Encoding", a, "Accept-Language", b, "Foo", a)
		require.Equal(t, Key(fields, one), Key(fields, one.Clone()))
		require.Equal(t, len(fields), strings.Count(Key(fields, one), "\n"), "a value can't end its line")
		other := one.Clone()
		other.Set("Foo", a+"x")
		require.NotEqual(t, Key(fields, one), Key(fields, other))
		normalised := header("Foo", normal("Foo", []string{a}))
		require.Equal(t, Key([]string{"Foo"}, header("Foo", a)), Key([]string{"Foo"}, normalised), "the normal form has itself as its own")
	})
}
