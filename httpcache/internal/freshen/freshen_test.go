package freshen

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var received = time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)

// header builds a header from names and values in turn.
func header(pairs ...string) http.Header {
	h := http.Header{}
	for i := 0; i < len(pairs); i += 2 {
		h.Add(pairs[i], pairs[i+1])
	}
	return h
}

// RFC 9111, section 4.3.4: which stored answer a 304 is about.
func TestSelects(t *testing.T) {
	for name, c := range map[string]struct {
		stored, by http.Header
		want       bool
	}{
		"no validator":            {header("ETag", `"a"`), header(), true},
		"the tag":                 {header("ETag", `"a"`), header("ETag", `"a"`), true},
		"another tag":             {header("ETag", `"a"`), header("ETag", `"b"`), false},
		"a tag, none stored":      {header("Last-Modified", "x"), header("ETag", `"b"`), false},
		"weak tag of a strong":    {header("ETag", `"a"`), header("ETag", `W/"a"`), true},
		"weak tag of a weak":      {header("ETag", `W/"a"`), header("ETag", `W/"a"`), true},
		"strong tag of a weak":    {header("ETag", `W/"a"`), header("ETag", `"a"`), false},
		"another weak tag":        {header("ETag", `W/"a"`), header("ETag", `W/"b"`), false},
		"the date":                {header("Last-Modified", "x"), header("Last-Modified", "x"), true},
		"another date":            {header("Last-Modified", "x"), header("Last-Modified", "y"), false},
		"another date, but a tag": {header("Last-Modified", "x", "ETag", `"a"`), header("Last-Modified", "y"), true},
		"the tag above the date":  {header("Last-Modified", "x", "ETag", `"a"`), header("Last-Modified", "x", "ETag", `"b"`), false},
	} {
		require.Equal(t, c.want, Selects(c.stored, c.by), name)
	}
}

// RFC 9111, section 3.2: updating stored fields.
func TestByNotModified(t *testing.T) {
	stored := header("Cache-Control", "max-age=1", "Test-Header", "a", "Content-Foo", "a", "Content-Length", "36", "Content-Encoding", "gzip",
		"Content-Type", "text/plain", "Many", "1", "Many", "2", "Age", "7", "Date", "Thu, 01 Jan 2026 00:00:00 GMT")
	before := stored.Clone()
	by := header("Cache-Control", "max-age=60", "Content-Foo", "b", "Content-Length", "10", "Content-Encoding", "br", "Content-Range", "bytes 0-1/2",
		"Many", "3", "New", "x", "Connection", "x-hop", "X-Hop", "1", "Transfer-Encoding", "chunked", "Date", "Fri, 27 Nov 2026 11:59:59 GMT")
	require.Equal(t, header("Cache-Control", "max-age=60", "Test-Header", "a", "Content-Foo", "b", "Content-Length", "36",
		"Content-Encoding", "gzip", "Content-Type", "text/plain", "Many", "3", "New", "x", "Date", "Fri, 27 Nov 2026 11:59:59 GMT"),
		ByNotModified(stored, by, received))
	require.Equal(t, before, stored, "others read it at the same time")
	by["Many"][0] = "changed"
	by.Del("Date")
	got := ByNotModified(stored, by, received)
	require.Equal(t, "Fri, 27 Nov 2026 12:00:00 GMT", got.Get("Date"), "or it would be as old as before")
	by.Set("Age", "3")
	require.Equal(t, "3", ByNotModified(stored, by, received).Get("Age"))
}

func TestTheUpdateOwnsItsLines(t *testing.T) {
	by := header("New", "x")
	got := ByNotModified(header(), by, received)
	by["New"][0] = "changed"
	require.Equal(t, "x", got.Get("New"))
}

// RFC 9111, section 4.3.5: freshening with HEAD.
func TestByHead(t *testing.T) {
	stored := header("Content-Length", "5", "ETag", `"a"`, "Last-Modified", "x", "Foo", "1")
	got, same := ByHead(stored, header("Content-Length", "5", "ETag", `"a"`, "Foo", "2", "Date", "Fri, 27 Nov 2026 11:59:59 GMT"), received)
	require.True(t, same)
	require.Equal(t, header("Content-Length", "5", "ETag", `"a"`, "Last-Modified", "x", "Foo", "2", "Date", "Fri, 27 Nov 2026 11:59:59 GMT"), got)
	for _, other := range []http.Header{header("Content-Length", "6"), header("ETag", `"b"`), header("Last-Modified", "y")} {
		_, same := ByHead(stored, other, received)
		require.False(t, same, other)
	}
	_, same = ByHead(stored, header(), received)
	require.True(t, same, "what is absent says nothing")
}
