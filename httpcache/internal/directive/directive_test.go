package directive

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/httpcache/internal/field"
)

func header(lines ...[2]string) http.Header {
	h := http.Header{}
	for _, l := range lines {
		h.Add(l[0], l[1])
	}
	return h
}

func cc(lines ...string) http.Header { return http.Header{"Cache-Control": lines} }

func of(d time.Duration) Delta { return Delta{Time: d, Set: true} }

const hour = time.Hour

// RFC 9111, section 5.2: the syntax, and section 4.2.1: more than one value, or none that is valid.
func TestMaxAgeInEveryForm(t *testing.T) {
	for name, c := range map[string]struct {
		lines []string
		want  Delta
	}{
		"plain":                     {[]string{"max-age=3600"}, of(hour)},
		"any case":                  {[]string{"MaX-aGe=3600"}, of(hour)},
		"quoted":                    {[]string{`max-age="3600"`}, of(hour)},
		"leading zeros":             {[]string{"max-age=003600"}, of(hour)},
		"beyond 32 bits":            {[]string{"max-age=99999999999"}, of(field.MaxDelta)},
		"after an unknown one":      {[]string{"foobar, max-age=3600"}, of(hour)},
		"in another's quotes":       {[]string{`x="max-age=3600", max-age=1`}, of(time.Second)},
		"in another's quotes, last": {[]string{`max-age=1, x="max-age=3600"`}, of(time.Second)},
		"only in another's quotes":  {[]string{`x="a, max-age=3600"`}, Delta{}},
		"the smaller of two":        {[]string{"max-age=3600, max-age=1"}, of(time.Second)},
		"the smaller of two lines":  {[]string{"max-age=1", "max-age=3600"}, of(time.Second)},
		"one of two is none":        {[]string{"max-age=3600, max-age=x"}, of(0)},
		"space before the equals":   {[]string{"max-age =3600"}, of(0)},
		"space after the equals":    {[]string{"max-age= 3600"}, of(0)},
		"single quotes":             {[]string{"max-age='3600'"}, of(0)},
		"decimal":                   {[]string{"max-age=3600.0"}, of(0)},
		"letters":                   {[]string{"max-age=3600a"}, of(0)},
		"negative":                  {[]string{"max-age=-3600"}, of(0)},
		"no argument":               {[]string{"max-age"}, of(0)},
		"empty argument":            {[]string{"max-age="}, of(0)},
		"quote left open":           {[]string{`max-age="3600`}, of(0)},
		"separated by semicolons":   {[]string{"max-age=3600; public"}, of(0)},
		"absent":                    {[]string{"public"}, Delta{}},
		"another name":              {[]string{"x-max-age=3600"}, Delta{}},
	} {
		require.Equal(t, c.want, OfAnswer(cc(c.lines...)).MaxAge, name)
	}
}

// RFC 9111, section 5.2.2: response directives.
func TestDirectivesOfAnswers(t *testing.T) {
	src := func(r Response) Response { r.Source = "Cache-Control"; return r }
	for line, want := range map[string]Response{
		"no-store":                   {NoStore: true},
		"No-Store=0":                 {NoStore: true},
		"no-store =x":                {NoStore: true},
		"no-cache":                   {NoCache: true},
		"private":                    {Private: true},
		`private=""`:                 {Private: true},
		`private="a b"`:              {Private: true},
		`private="x-user, Y"`:        {PrivateFields: []string{"X-User", "Y"}},
		"private=x-user":             {PrivateFields: []string{"X-User"}},
		`private, private="x-user"`:  {Private: true, PrivateFields: []string{"X-User"}},
		`no-cache="set-cookie"`:      {NoCacheFields: []string{"Set-Cookie"}},
		`no-cache="set-cookie`:       {NoCache: true},
		"proxy-revalidate":           {MustRevalidate: true},
		"must-revalidate":            {MustRevalidate: true},
		"must-understand, no-store":  {MustUnderstand: true, NoStore: true},
		"public, s-maxage=60":        {Public: true, SMaxAge: of(time.Minute)},
		"stale-while-revalidate=60":  {StaleWhileRevalidate: of(time.Minute)},
		"stale-if-error=60":          {StaleIfError: of(time.Minute)},
		"stale-if-error=soon":        {StaleIfError: of(0)},
		`x="a, no-store, public`:     {NoStore: true},
		`x="a\", private, max-age=1`: {Private: true},
		"no-stores, immutable, =, ":  {},
	} {
		require.Equal(t, src(want), OfAnswer(cc(line)), line)
	}
	require.Equal(t, Response{}, OfAnswer(http.Header{"Pragma": {"no-cache"}}), "of an answer Pragma says nothing (section 5.4)")
}

// RFC 9213, section 2: targeted fields.
func TestTargetedFieldReplacesCacheControl(t *testing.T) {
	const cdn, own = "Cdn-Cache-Control", "Aside-Cache-Control"
	for name, c := range map[string]struct {
		lines [][2]string
		want  Response
	}{
		"it replaces":        {[][2]string{{"Cache-Control", "no-store"}, {cdn, "max-age=60"}}, Response{Source: cdn, MaxAge: of(time.Minute)}},
		"first target":       {[][2]string{{cdn, "max-age=60"}, {own, "no-store"}}, Response{Source: own, NoStore: true}},
		"void: next target":  {[][2]string{{cdn, "max-age=60"}, {own, "no-store, &&"}}, Response{Source: cdn, MaxAge: of(time.Minute)}},
		"void: unknown type": {[][2]string{{"Cache-Control", "no-store"}, {cdn, "max-age=10000, &&&&&"}}, Response{Source: "Cache-Control", NoStore: true}},
		"void: upper case":   {[][2]string{{"Cache-Control", "no-store"}, {cdn, "MaX-aGe=60"}}, Response{Source: "Cache-Control", NoStore: true}},
		"void: space":        {[][2]string{{"Cache-Control", "max-age=1"}, {cdn, "max-age =100"}}, Response{Source: "Cache-Control", MaxAge: of(time.Second)}},
		"void: empty":        {[][2]string{{"Cache-Control", "no-store"}, {cdn, ""}}, Response{Source: "Cache-Control", NoStore: true}},
		"wrong type":         {[][2]string{{"Cache-Control", "max-age=60"}, {cdn, `max-age="10000"`}}, Response{Source: cdn, MaxAge: of(0)}},
		"decimal":            {[][2]string{{cdn, "max-age=60.5"}}, Response{Source: cdn, MaxAge: of(0)}},
		"negative":           {[][2]string{{cdn, "max-age=-60"}}, Response{Source: cdn, MaxAge: of(0)}},
		"beyond 32 bits":     {[][2]string{{cdn, "max-age=99999999999"}}, Response{Source: cdn, MaxAge: of(field.MaxDelta)}},
		"parameters":         {[][2]string{{cdn, "max-age=60;a=b, private;c"}}, Response{Source: cdn, MaxAge: of(time.Minute), Private: true}},
		"two lines":          {[][2]string{{cdn, "max-age=60"}, {cdn, "s-maxage=1"}}, Response{Source: cdn, MaxAge: of(time.Minute), SMaxAge: of(time.Second)}},
		"false is absent":    {[][2]string{{cdn, "no-store=?0, public"}}, Response{Source: cdn, Public: true}},
		"any other value":    {[][2]string{{cdn, "no-store=0"}}, Response{Source: cdn, NoStore: true}},
		"inner list":         {[][2]string{{cdn, "private=(a b), max-age=(1)"}}, Response{Source: cdn, Private: true, MaxAge: of(0)}},
		"fields":             {[][2]string{{cdn, `private="x-user"`}}, Response{Source: cdn, PrivateFields: []string{"X-User"}}},
		"only unknown ones":  {[][2]string{{"Cache-Control", "max-age=60"}, {cdn, "foo"}}, Response{Source: cdn}},
	} {
		got := OfAnswer(header(c.lines...), own, cdn)
		require.Equal(t, c.want, got, name)
		require.Equal(t, c.want.Source != "Cache-Control", got.Targeted(), name)
	}
	require.False(t, Response{}.Targeted())
}

// RFC 9111, section 5.2.1: request directives, and 5.4: Pragma.
func TestDirectivesOfRequests(t *testing.T) {
	for line, want := range map[string]Request{
		"no-store, no-cache, only-if-cached": {NoStore: true, NoCache: true, OnlyIfCached: true},
		"max-age=60":                         {MaxAge: of(time.Minute)},
		"max-age=x":                          {MaxAge: of(0)},
		"min-fresh=60":                       {MinFresh: of(time.Minute)},
		"min-fresh=60, min-fresh=1":          {MinFresh: of(time.Minute)},
		"max-stale=60, max-stale=1":          {MaxStale: of(time.Second)},
		"max-stale":                          {MaxStale: of(field.MaxDelta)},
		"max-stale=":                         {MaxStale: of(0)},
		"max-stale=x":                        {MaxStale: of(0)},
		"max-stale =60":                      {MaxStale: of(0)},
	} {
		require.Equal(t, want, OfRequest(cc(line)), line)
	}
	require.True(t, OfRequest(header([2]string{"Pragma", "x, No-Cache"})).NoCache)
	require.False(t, OfRequest(header([2]string{"Pragma", "no-cache"}, [2]string{"Cache-Control", "max-stale"})).NoCache)
}

func FuzzDirectives(f *testing.F) {
	for _, s := range []string{`private="a,b", max-age=3600`, "max-age =1", `max-age="1\"`, "a=(b c);d=?1, e=:YQ==:", "no-store=?0"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, line string) {
		h := http.Header{"Cache-Control": {line}, "Cdn-Cache-Control": {line}, "Pragma": {line}}
		for _, r := range []Response{OfAnswer(h), OfAnswer(h, "CDN-Cache-Control")} {
			for _, d := range []Delta{r.MaxAge, r.SMaxAge, r.StaleIfError, r.StaleWhileRevalidate} {
				require.True(t, d.Time >= 0 && d.Time <= field.MaxDelta)
				require.True(t, d.Set || d.Time == 0)
			}
			require.NotContains(t, r.PrivateFields, "")
		}
		h["Cache-Control"] = []string{line + ", no-store"}
		require.True(t, OfAnswer(h).NoStore, "no quote hides what forbids something")
		h["Cache-Control"] = []string{line, "no-store"}
		require.True(t, OfAnswer(h).NoStore, "no line takes another's directive away")
		require.True(t, OfRequest(h).NoStore)
	})
}
