package envelope_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/jollyjet/aside/internal/envelope"
)

func genEntry(t *rapid.T) envelope.Entry {
	return envelope.Entry{
		Kind:     rapid.SampledFrom([]envelope.Kind{envelope.Value, envelope.Negative}).Draw(t, "kind"),
		Token:    envelope.NewToken(),
		Created:  rapid.Int64().Draw(t, "created"),
		TTL:      time.Duration(rapid.Int64Range(0, 1<<40).Draw(t, "ttl")) * time.Millisecond,
		Cost:     time.Duration(rapid.Int64Range(0, 1<<40).Draw(t, "cost")) * time.Microsecond,
		Schema:   rapid.Uint64().Draw(t, "schema"),
		Versions: bytes.Repeat([]byte{7, 6, 5, 4, 3, 2, 1, 0}, rapid.IntRange(0, 9).Draw(t, "versions")),
		Key:      rapid.SliceOf(rapid.Byte()).Draw(t, "key"),
		Tags:     rapid.SliceOfN(rapid.String(), 0, 5).Draw(t, "tags"),
		Payload:  rapid.SliceOf(rapid.Byte()).Draw(t, "payload"),
	}
}

func TestParseReturnsWhatWasAppended(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := genEntry(t)
		raw := envelope.Append([]byte("before"), &want)[len("before"):]
		require.LessOrEqual(t, len(raw), envelope.Size(&want))
		got, err := envelope.Parse(raw)
		require.NoError(t, err)
		require.Equal(t, want.Kind, got.Kind)
		require.Equal(t, want.Token, got.Token)
		require.Equal(t, want.Created, got.Created)
		require.Equal(t, want.TTL, got.TTL)
		require.Equal(t, want.Cost, got.Cost)
		require.Equal(t, want.Schema, got.Schema)
		require.True(t, bytes.Equal(want.Versions, got.Versions))
		require.True(t, bytes.Equal(want.Key, got.Key))
		require.Len(t, got.Tags, len(want.Tags))
		for i, tag := range want.Tags {
			require.Equal(t, tag, got.Tags[i])
		}
		require.True(t, bytes.Equal(want.Payload, got.Payload))
		require.Equal(t, want.Kind, envelope.KindOf(raw))
		require.Equal(t, raw[:envelope.IdentityLen], envelope.Identity(raw))
	})
}

// Every single flipped bit and every truncation is noticed: a damaged entry is never a wrong value.
func TestParseNoticesDamage(t *testing.T) {
	e := envelope.Entry{
		Kind: envelope.Value, Token: envelope.NewToken(), Created: 1, TTL: time.Minute, Cost: time.Millisecond,
		Schema: 9, Versions: make([]byte, 16), Key: []byte("key"), Tags: []string{"a", "bc"}, Payload: []byte(`{"price":100}`),
	}
	raw := envelope.Append(nil, &e)
	for i := range raw {
		for bit := range 8 {
			damaged := bytes.Clone(raw)
			damaged[i] ^= 1 << bit
			_, err := envelope.Parse(damaged)
			require.Error(t, err, "byte %d bit %d", i, bit)
		}
		_, err := envelope.Parse(raw[:i])
		require.Error(t, err, "cut at %d", i)
	}
	_, err := envelope.Parse(append(bytes.Clone(raw), 0))
	require.ErrorIs(t, err, envelope.ErrCorrupt)
}

func TestParseNamesTheReason(t *testing.T) {
	for _, tt := range []struct {
		name string
		raw  []byte
		want error
	}{
		{"empty", nil, envelope.ErrForeign},
		{"plain JSON", []byte(`{"id":1}`), envelope.ErrForeign},
		{"magic alone", []byte{0xA5}, envelope.ErrCorrupt},
		{"a later format", append([]byte{0xA5, 2, 'V'}, make([]byte, 80)...), envelope.ErrVersion},
		{"a lease", envelope.NewLease(envelope.NewToken()), envelope.ErrCorrupt},
		{"a tag version", envelope.NewTagVersion(envelope.NewVersion()), envelope.ErrCorrupt},
		{"a value of zeros", append([]byte{0xA5, 1, 'V'}, make([]byte, 80)...), envelope.ErrCorrupt},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := envelope.Parse(tt.raw)
			require.ErrorIs(t, err, tt.want)
		})
	}
}

func TestTagVersions(t *testing.T) {
	g := envelope.NewVersion()
	got, ok := envelope.ParseTagVersion(envelope.NewTagVersion(g))
	require.True(t, ok)
	require.Equal(t, g, got)
	for _, raw := range [][]byte{nil, []byte("x"), envelope.NewTagVersion(envelope.Version{}), envelope.NewLease(envelope.NewToken()), append(envelope.NewTagVersion(g), 1)} {
		_, ok := envelope.ParseTagVersion(raw)
		require.False(t, ok)
	}
}

func FuzzParse(f *testing.F) {
	e := envelope.Entry{Kind: envelope.Value, Token: envelope.NewToken(), TTL: time.Second, Versions: make([]byte, 24), Key: []byte("k"), Payload: []byte("{}")}
	raw := envelope.Append(nil, &e)
	f.Add(raw)
	f.Add(raw[:30])
	f.Add([]byte{})
	f.Add([]byte("plain"))
	f.Add(envelope.NewLease(envelope.NewToken()))
	f.Add(envelope.HoldPrefix())
	f.Fuzz(func(t *testing.T, b []byte) {
		_ = envelope.KindOf(b)
		_, _ = envelope.ParseTagVersion(b)
		require.LessOrEqual(t, len(envelope.Identity(b)), envelope.IdentityLen)
		got, err := envelope.Parse(b)
		if err != nil {
			return
		}
		again, err := envelope.Parse(envelope.Append(nil, &got))
		require.NoError(t, err, "what was read can be written and read again")
		require.Equal(t, got.Schema, again.Schema)
		require.True(t, bytes.Equal(got.Payload, again.Payload))
		require.Equal(t, got.Tags, again.Tags)
	})
}

func BenchmarkParse(b *testing.B) {
	e := envelope.Entry{Kind: envelope.Value, Token: envelope.NewToken(), TTL: time.Second, Versions: make([]byte, 16), Payload: make([]byte, 1024)}
	raw := envelope.Append(nil, &e)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := envelope.Parse(raw); err != nil {
			b.Fatal(err)
		}
	}
}
