package field

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// RFC 9110, section 5.6.1: lists.
func TestListIsSplitOutsideQuotes(t *testing.T) {
	for name, c := range map[string]struct{ lines, want []string }{
		"one line":              {[]string{"a, b"}, []string{"a", "b"}},
		"lines are one list":    {[]string{"a", "b,c"}, []string{"a", "b", "c"}},
		"empty members":         {[]string{"", ", a,,\t b ,"}, []string{"a", "b"}},
		"comma in quotes":       {[]string{`x="a, b", c`}, []string{`x="a, b"`, "c"}},
		"escaped quote":         {[]string{`x="a\", b", c`}, []string{`x="a\", b"`, "c"}},
		"quote left open":       {[]string{`x="a, b`, "c"}, []string{`x="a, b`, "c"}},
		"backslash at the end":  {[]string{`x="a\`}, []string{`x="a\`}},
		"nothing":               {nil, nil},
		"escape outside quotes": {[]string{`a\,b`}, []string{`a\`, "b"}},
	} {
		require.Equal(t, c.want, List(c.lines), name)
	}
}

func TestNamesAreCanonicalAndChecked(t *testing.T) {
	names, valid := Names([]string{"foo, accept-encoding", "FOO"})
	require.Equal(t, []string{"Accept-Encoding", "Foo"}, names)
	require.True(t, valid)
	names, valid = Names([]string{"a b, c"})
	require.Equal(t, []string{"C"}, names)
	require.False(t, valid)
}

// RFC 9110, section 5.6.4: quoted strings.
func TestUnquote(t *testing.T) {
	for s, want := range map[string]string{`"a"`: "a", `a`: "a", `""`: "", `"a\"b\\"`: `a"b\`} {
		got, ok := Unquote(s)
		require.True(t, ok, s)
		require.Equal(t, want, got, s)
	}
	for _, s := range []string{``, `"`, `"a`, `"a"b"`, `"a\"`, `a b`, `'a,'`, `"\`} {
		_, ok := Unquote(s)
		require.False(t, ok, s)
	}
}

// RFC 9111, section 1.2.2: delta-seconds.
func TestSeconds(t *testing.T) {
	for s, want := range map[string]time.Duration{
		"0": 0, "60": time.Minute, "0060": time.Minute,
		"2147483647": MaxDelta - time.Second, "2147483648": MaxDelta, "99999999999999999999999": MaxDelta,
	} {
		got, ok := Seconds(s)
		require.True(t, ok, s)
		require.Equal(t, want, got, s)
	}
	for _, s := range []string{"", "-1", "+1", "1.0", "1s", "a1", " 1", "1 ", "0x1", "١"} {
		_, ok := Seconds(s)
		require.False(t, ok, s)
	}
}

var now = time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)

// RFC 9110, section 5.6.7: dates.
func TestDateIsExact(t *testing.T) {
	want := time.Date(2050, 8, 18, 2, 1, 18, 0, time.UTC)
	for _, s := range []string{
		"Thu, 18 Aug 2050 02:01:18 GMT", "THU, 18 AUG 2050 02:01:18 gMT", "Mon, 18 Aug 2050 02:01:18 GMT",
		"Thursday, 18-Aug-50 02:01:18 GMT", "Thu Aug 18 02:01:18 2050",
	} {
		got, ok := Date(s, now)
		require.True(t, ok, s)
		require.Equal(t, want, got, s)
	}
	_, ok := Date("Mon Aug  8 02:01:18 2050", now)
	require.True(t, ok, "a day of one digit has a space before it")
	for _, s := range []string{
		"", "0", "-1", "foo", "Thu, 18 Aug 2050 02:01:18 UTC", "Thu, 18 Aug 2050 02:01:18 AEST", "Thu, 18 Aug 50 02:01:18 GMT",
		"Thu 18 Aug 2050 02:01:18 GMT", "Thu, 18  Aug  2050 02:01:18 GMT", "Thu, 18-Aug-2050 02:01:18 GMT",
		"Thu, 18 Aug 2050 02.01.18 GMT", "Thu, 18 Aug 2050 2:01:18 GMT", "Thu, 18 Aug 2050 02:01:18", "Thu, 18 Aug 2050 02:01:18  GMT",
		"Thu,  18 Aug 2050 02:01:18 GMT", "Thu, 31 Feb 2050 02:01:18 GMT", "Thu, 18 Aug 2050 25:01:18 GMT", "Thu, 18 Aug 2050 02:01:18.5 GMT",
		"Thu, 8 Aug 2050 02:01:18 GMT", "Thu Aug 8 02:01:18 2050", "Thu Aug 18 02:01:18 2050 GMT", "Thu, 18 Aug 2050 02:01:18 +0000", "2050-08-18T02:01:18Z",
		" Thu, 18 Aug 2050 02:01:18 GMT", "Xyz, 18 Aug 2050 02:01:18 GMT",
	} {
		_, ok := Date(s, now)
		require.False(t, ok, s)
	}
}

// RFC 9110, section 5.6.7: a year of two digits that seems more than 50 years ahead is in the past.
func TestDateOfTwoDigitsIsWithinFiftyYears(t *testing.T) {
	for year, want := range map[string]int{"26": 2026, "75": 2075, "77": 1977, "99": 1999, "00": 2000} {
		got, ok := Date("Monday, 01-Jan-"+year+" 00:00:00 GMT", now)
		require.True(t, ok)
		require.Equal(t, want, got.Year(), year)
	}
}

func FuzzField(f *testing.F) {
	for _, s := range []string{`a, "b,c", d="\"",`, "Thursday, 18-Aug-50 02:01:18 GMT", "12345678901234567890", "Thu, 18 Aug 2050 02:01:18 GMT"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		members := List([]string{s})
		for _, m := range members {
			require.NotEmpty(t, m)
			require.Equal(t, []string{m}, List([]string{m}), "a member is a list of itself")
		}
		if d, ok := Seconds(s); ok {
			require.True(t, d >= 0 && d <= MaxDelta)
		}
		if at, ok := Date(s, now); ok {
			again, ok := Date(at.Format("Mon, 02 Jan 2006 15:04:05 GMT"), now)
			require.True(t, ok)
			require.Equal(t, at, again)
		}
		Unquote(s)
		Names([]string{s})
	})
}
