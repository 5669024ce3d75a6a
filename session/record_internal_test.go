package session

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func FuzzRecord(f *testing.F) {
	tok := newToken()
	hash := tok.hash()
	head := "s1L" + "version!" + string(hash[:]) + strings.Repeat("01795510000000", 4)
	b := body{user: "ann", label: "phone", flashes: []Flash{{"info", "hello"}}, payload: []byte(`{"n":1}`)}
	previous := "1" + string(hash[:]) + "01795510000000" + string(hash[:])
	f.Add(string(b.append([]byte(head + "0"))))
	f.Add(string(b.append([]byte(head + previous))))
	f.Add(string((&body{}).append([]byte(head + "0"))))
	f.Add(head + "0")
	f.Add(head + previous[:40])
	f.Add(head + "0\x00\x00\xff\xff\xff\xff\xff\xff\xff\xff\x7f")
	f.Add("")
	f.Fuzz(func(t *testing.T, raw string) {
		r, ok := parseRecord(raw)
		owner, readable := parseOwner(raw)
		if !ok {
			require.Zero(t, r)
			return
		}
		require.True(t, readable)
		require.Equal(t, r.body.user, owner.body.user)
		again, ok := parseRecord(string(r.body.append([]byte(head + "0"))))
		require.True(t, ok)
		require.Equal(t, r.body, again.body)
	})
}
