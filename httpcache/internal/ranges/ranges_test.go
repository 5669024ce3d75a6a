package ranges

import (
	"bytes"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const body = "0123456789"

// header builds a header from names and values in turn.
func header(pairs ...string) http.Header {
	h := http.Header{}
	for i := 0; i < len(pairs); i += 2 {
		h.Add(pairs[i], pairs[i+1])
	}
	return h
}

func plan(value string) Plan {
	return For("GET", header("Range", value), 200, header(), int64(len(body)))
}

// RFC 9110, section 14.1.2: byte ranges.
func TestRangesThatExist(t *testing.T) {
	for value, want := range map[string][]Range{
		"bytes=0-0":                          {{0, 1}},
		"bytes=2-4":                          {{2, 3}},
		"bytes=7-":                           {{7, 3}},
		"bytes=0-":                           {{0, 10}},
		"bytes=-3":                           {{7, 3}},
		"bytes=-100":                         {{0, 10}},
		"bytes=8-100":                        {{8, 2}},
		"bytes=8-99999999999999999999999":    {{8, 2}},
		"bytes=-99999999999999999999999":     {{0, 10}},
		"Bytes=0-1":                          {{0, 2}},
		"bytes=0-1, 4-5 ,,\t-1":              {{0, 2}, {4, 2}, {9, 1}},
		"bytes=4-5,0-1":                      {{4, 2}, {0, 2}},
		"bytes=0-1,100-200":                  {{0, 2}},
		"bytes=0-1,-0":                       {{0, 2}},
		"bytes=00-01":                        {{0, 2}},
		"bytes=99999999999999999999999-,1-1": {{1, 1}},
	} {
		require.Equal(t, Plan{Ranges: want}, plan(value), value)
	}
}

// RFC 9110, section 14.2: what is ignored, and what is refused.
func TestRangesThatAreIgnoredOrRefused(t *testing.T) {
	for _, value := range []string{
		"", "bytes", "bytes=", "bytes=,", "bytes=-", "bytes=a-b", "bytes=5-4", "bytes=1-2,x", "bytes=+1-2", "bytes=1 - 2", "bytes =1-2",
		"bytes=1--2", "bytes=--1", "items=0-1", "bytes:0-1", "0-1", "bytes=1-2;q=1", "bytes=0-1,bytes=2-3",
		"bytes=0-9,0-9", "bytes=0-,0-,0-", "bytes=" + strings.Repeat("0-0,", maxRanges+1),
	} {
		require.Equal(t, Plan{}, plan(value), value)
	}
	for _, value := range []string{"bytes=10-", "bytes=10-20", "bytes=-0", "bytes=99999999999999999999999-", "bytes=10-,20-30"} {
		require.Equal(t, Plan{Unsatisfiable: true}, plan(value), value)
	}
	some := header("Range", "bytes=0-1")
	require.Equal(t, Plan{}, For("HEAD", some, 200, header(), 10))
	require.Equal(t, Plan{}, For("GET", some, 404, header(), 10))
	require.Equal(t, Plan{}, For("GET", some, 200, header("Accept-Ranges", "none"), 10))
	require.Equal(t, Plan{}, For("GET", header(), 200, header(), 10))
	require.Equal(t, Plan{}, For("GET", header("Range", "bytes=0-1", "Range", "bytes=2-3"), 200, header(), 10), "two lines")
	require.Equal(t, Plan{Unsatisfiable: true}, For("GET", some, 200, header(), 0))
}

var stored = header("Content-Type", "text/plain", "Content-Length", "10", "Etag", `"a"`, "Cache-Control", "max-age=60", "Vary", "Foo",
	"Date", "now", "Access-Control-Allow-Origin", "*")

// RFC 9110, section 15.3.7.1: a single part.
func TestAnswerWithOnePart(t *testing.T) {
	status, h, part := plan("bytes=2-4").Answer(200, stored, []byte(body))
	require.Equal(t, 206, status)
	require.Equal(t, "234", string(part))
	want := stored.Clone()
	want.Set("Content-Range", "bytes 2-4/10")
	want.Set("Content-Length", "3")
	require.Equal(t, want, h)
	require.Empty(t, stored.Get("Content-Range"), "others read it at the same time")
}

// RFC 9110, section 15.3.7.2: several parts.
func TestAnswerWithSeveralParts(t *testing.T) {
	status, h, got := plan("bytes=8-,0-1").Answer(200, stored, []byte(body))
	require.Equal(t, 206, status)
	require.Empty(t, h.Get("Content-Range"))
	require.Equal(t, strconv.Itoa(len(got)), h.Get("Content-Length"))
	kind, params, err := mime.ParseMediaType(h.Get("Content-Type"))
	require.NoError(t, err)
	require.Equal(t, "multipart/byteranges", kind)
	reader := multipart.NewReader(bytes.NewReader(got), params["boundary"])
	for _, want := range [][2]string{{"bytes 8-9/10", "89"}, {"bytes 0-1/10", "01"}} {
		part, err := reader.NextPart()
		require.NoError(t, err)
		require.Equal(t, want[0], part.Header.Get("Content-Range"))
		require.Equal(t, "text/plain", part.Header.Get("Content-Type"))
		text, err := io.ReadAll(part)
		require.NoError(t, err)
		require.Equal(t, want[1], string(text))
	}
	_, err = reader.NextPart()
	require.ErrorIs(t, err, io.EOF)
}

func TestAnswerWithTheWhole(t *testing.T) {
	status, h, got := Plan{}.Answer(203, stored, []byte(body))
	require.Equal(t, 203, status)
	require.Equal(t, stored, h)
	require.Equal(t, body, string(got))
}

// RFC 9110, section 15.5.17.
func TestAnswerWithNothing(t *testing.T) {
	status, h, got := plan("bytes=10-").Answer(200, stored, []byte(body))
	require.Equal(t, 416, status)
	require.Equal(t, header("Content-Range", "bytes */10", "Content-Length", "0", "Cache-Control", "no-store", "Vary", "Foo", "Date", "now",
		"Access-Control-Allow-Origin", "*"), h)
	require.Empty(t, got)
}

func FuzzRange(f *testing.F) {
	f.Add("bytes=0-1, -5,7-", 10)
	f.Add("bytes=9223372036854775807-9223372036854775808", 3)
	f.Fuzz(func(t *testing.T, value string, size int) {
		size = min(max(size, 0), 1000)
		whole := bytes.Repeat([]byte("x"), size)
		p := For("GET", header("Range", value), 200, header(), int64(size))
		for _, r := range p.Ranges {
			require.True(t, r.Start >= 0 && r.Length > 0 && r.Start+r.Length <= int64(size))
		}
		status, _, part := p.Answer(200, stored, whole)
		switch {
		case p.Unsatisfiable:
			require.Equal(t, 416, status)
		case len(p.Ranges) == 0:
			require.Len(t, part, size)
		default:
			require.Equal(t, 206, status)
		}
	})
}
