package endpoint

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestParseAnswer(t *testing.T) {
	for text, want := range map[string]*Answer{
		"role:master\r\nmaster_replid:h\r\nrun_id:r\r\n": {ID: Identity{Run: "r", History: "h"}},
		"role:slave\r\nrun_id:r\r\n":                     {ID: Identity{Run: "r"}, Replica: true},
		"role:master\r\n":                                {Refused: errNoIdentity},
		"":                                               {Refused: errNoIdentity},
	} {
		require.Equal(t, want, ParseAnswer([]string{text}, nil), "%q", text)
	}
}

// Whatever a server sends, it can be read.
func FuzzParseAnswer(f *testing.F) {
	f.Add("role:master\r\nmaster_replid:h\r\nrun_id:r\r\n")
	f.Add("$5\r\nhello\r\n")
	f.Fuzz(func(_ *testing.T, text string) { _ = ParseAnswer([]string{text}, nil) })
}
