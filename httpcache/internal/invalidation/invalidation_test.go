package invalidation

import (
	"net/http"
	"net/url"
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

func parse(t testing.TB, s string) *url.URL {
	u, err := url.Parse(s)
	require.NoError(t, err)
	return u
}

func texts(s Stale) (list []string) {
	for _, u := range s.URLs {
		list = append(list, u.String())
	}
	return list
}

// RFC 9111, section 4.4: which methods and statuses invalidate.
func TestWhatInvalidates(t *testing.T) {
	target := parse(t, "https://a.example/x?y#z")
	for _, method := range []string{"POST", "PUT", "PATCH", "DELETE", "M-SEARCH", "get", "FOO", ""} {
		for status, want := range map[int]bool{200: true, 204: true, 303: true, 399: true, 400: false, 404: false, 500: false, 199: false} {
			got := By(method, status, target, header())
			require.Equal(t, want, len(got.URLs) > 0, "%s %d", method, status)
			if want {
				require.Equal(t, []string{"https://a.example/x?y"}, texts(got))
			}
		}
	}
	for _, method := range []string{"GET", "HEAD", "OPTIONS", "TRACE", "QUERY", "PROPFIND"} {
		require.Zero(t, By(method, 200, target, header("Location", "/y", "Cache-Group-Invalidation", `"g"`)), method)
	}
}

// RFC 9111, section 4.4: URLs in the answer, of the same origin only.
func TestURLsThatTheAnswerNames(t *testing.T) {
	const own = "https://a.example/x/y"
	for name, c := range map[string]struct {
		answer http.Header
		want   []string
	}{
		"absolute":                {header("Location", "https://a.example/z"), []string{own, "https://a.example/z"}},
		"path":                    {header("Location", "/z"), []string{own, "https://a.example/z"}},
		"relative":                {header("Content-Location", "z?q#f"), []string{own, "https://a.example/x/z?q"}},
		"both":                    {header("Location", "/z", "Content-Location", "/w"), []string{own, "https://a.example/z", "https://a.example/w"}},
		"itself":                  {header("Location", "/x/y", "Content-Location", "#f"), []string{own}},
		"port of the scheme":      {header("Location", "https://A.example:443/z"), []string{own, "https://A.example:443/z"}},
		"another host":            {header("Location", "https://b.example/z", "Content-Location", "//b.example/z"), []string{own}},
		"another port":            {header("Location", "https://a.example:8443/z"), []string{own}},
		"another scheme":          {header("Location", "http://a.example/z"), []string{own}},
		"a user in front":         {header("Location", "https://a.example@b.example/z"), []string{own}},
		"user of the same origin": {header("Location", "https://u:p@a.example/z"), []string{own, "https://a.example/z"}},
		"not a URL":               {header("Location", "%zz", "Content-Location", "https://a.example:x/"), []string{own}},
		"no hierarchy":            {header("Location", "mailto:a@a.example"), []string{own}},
	} {
		require.Equal(t, c.want, texts(By("POST", 201, parse(t, own), c.answer)), name)
	}
}

// RFC 6454, section 4.
func TestOrigin(t *testing.T) {
	for u, want := range map[string]string{
		"HTTP://A.Example:80/x": "http://a.example", "http://a.example:443": "http://a.example:443",
		"https://a.example:443": "https://a.example", "http://[::1]:80/": "http://[::1]", "http://[::1]:81/": "http://[::1]:81",
	} {
		require.Equal(t, want, Origin(parse(t, u)), u)
	}
}

// RFC 9875: cache groups.
func TestGroupsAreOfOneOrigin(t *testing.T) {
	a := parse(t, "https://a.example/x")
	tag := func(g string) string { return "group:https://a.example:" + g }
	for name, c := range map[string]struct {
		lines, want []string
	}{
		"several":       {[]string{`"b", "a";p=1`, `"a"`}, []string{tag("a"), tag("b")}},
		"case counts":   {[]string{`"A", "a"`}, []string{tag("A"), tag("a")}},
		"with spaces":   {[]string{`"a, b"`}, []string{tag("a, b")}},
		"no string":     {[]string{`"a", b`}, nil},
		"an inner list": {[]string{`("a" "b")`}, nil},
		"an error":      {[]string{`"a", "b`}, nil},
		"nothing":       {nil, nil},
	} {
		require.Equal(t, c.want, GroupTags(a, http.Header{"Cache-Groups": c.lines}), name)
		require.Equal(t, c.want, By("POST", 200, a, http.Header{"Cache-Group-Invalidation": c.lines}).Tags, name)
	}
	other := GroupTags(parse(t, "https://b.example/x"), header("Cache-Groups", `"a"`))
	require.NotEqual(t, []string{tag("a")}, other)
	require.Equal(t, []string{tag("a")}, By("POST", 500, a, header("Cache-Group-Invalidation", `"a"`)).Tags, "the handler says so itself")
}

func TestSurrogateKeys(t *testing.T) {
	require.Equal(t, []string{"a", "a/1", "b,c"}, SurrogateKeys(header("Surrogate-Key", "a  a/1\tb,c", "Surrogate-Key", " a ")))
	require.Empty(t, SurrogateKeys(header("Surrogate-Key", " ")))
}

func FuzzInvalidation(f *testing.F) {
	f.Add("//a.example/x", `"a", "b";c`)
	f.Add("https://a.example:443/%2e", `(1)`)
	f.Fuzz(func(t *testing.T, location, groups string) {
		target := parse(t, "https://a.example/x")
		stale := By("POST", 200, target, header("Location", location, "Cache-Group-Invalidation", groups))
		require.Equal(t, "https://a.example/x", stale.URLs[0].String())
		for _, u := range stale.URLs {
			require.Equal(t, "https://a.example", Origin(u))
		}
		require.Equal(t, stale.Tags, GroupTags(target, header("Cache-Groups", groups)))
	})
}
