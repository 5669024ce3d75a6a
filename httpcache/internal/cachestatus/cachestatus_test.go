package cachestatus

import (
	"net/http"
	"testing"
	"time"

	"github.com/dunglas/httpsfv"
	"github.com/stretchr/testify/require"
)

// RFC 9211, section 2: the members of the field.
func TestStatusIsWrittenAsAMember(t *testing.T) {
	second := time.Second
	for want, s := range map[string]Status{
		`aside;hit;ttl=30`:          Status{Cache: "aside", Hit: true}.WithTTL(30*second + 999*time.Millisecond),
		`aside;hit;ttl=-1`:          Status{Cache: "aside", Hit: true}.WithTTL(-time.Millisecond),
		`aside;hit;ttl=-5`:          Status{Cache: "aside", Hit: true}.WithTTL(-5 * second),
		`aside;hit;ttl=0`:           Status{Cache: "aside", Hit: true}.WithTTL(0),
		`aside;hit`:                 {Cache: "aside", Hit: true, Forward: Stale, ForwardStatus: 200, Stored: true, Collapsed: true},
		`aside;fwd=uri-miss;stored`: {Cache: "aside", Forward: URIMiss, Stored: true},
		`aside;fwd=stale;fwd-status=304;ttl=60;collapsed`:  Status{Cache: "aside", Forward: Stale, ForwardStatus: 304, Collapsed: true}.WithTTL(60 * second),
		`aside;fwd=bypass;detail=cookie`:                   {Cache: "aside", Forward: Bypass, Detail: "cookie"},
		`aside;fwd=miss;detail="two words"`:                {Cache: "aside", Forward: Miss, Detail: "two words"},
		`"my cache";fwd=miss`:                              {Cache: "my cache", Forward: Miss},
		`"1st";fwd=miss;detail="9"`:                        {Cache: "1st", Forward: Miss, Detail: "9"},
		`aside;fwd=vary-miss;key="GET /\"x\\%C3%A4%0D%0A"`: {Cache: "aside", Forward: VaryMiss, Key: "GET /\"x\\ä\r\n"},
		`""`: {},
	} {
		require.Equal(t, want, s.String())
	}
}

// RFC 9211, section 2: the cache nearest to the handler is the first.
func TestAppendKeepsWhatOthersSaid(t *testing.T) {
	h := http.Header{"Cache-Status": {`origin;hit, "db cache";fwd=miss`}}
	Append(h, Status{Cache: "aside", Forward: Request})
	require.Equal(t, []string{`origin;hit, "db cache";fwd=miss`, `aside;fwd=request`}, h["Cache-Status"])
	list, err := httpsfv.UnmarshalList(h["Cache-Status"])
	require.NoError(t, err)
	require.Len(t, list, 3)
}

func FuzzStatus(f *testing.F) {
	f.Add("aside", "key\"\\", "détail\n", int64(-1))
	f.Fuzz(func(t *testing.T, cache, key, detail string, ttl int64) {
		text := Status{Cache: cache, Forward: Miss, Key: key, Detail: detail}.WithTTL(time.Duration(ttl)).String()
		list, err := httpsfv.UnmarshalList([]string{text})
		require.NoError(t, err, "what is written can be read: %s", text)
		require.Len(t, list, 1)
	})
}
