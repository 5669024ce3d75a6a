package scan

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/jollyjet/aside/internal/keyspace"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func FuzzPosition(f *testing.F) {
	for _, seed := range []string{"", "shop row", "shop row 3f=12 9a=done", "shop row =1", "shop row a=", "shop row a=01", "shop row b=1 a=1", "x", "shop row a=done a=1", "\xff"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var p Position
		if err := p.UnmarshalText([]byte(text)); err != nil {
			require.Empty(t, p.String(), "it is left as it was")
			return
		}
		require.Equal(t, text, p.String())
		raw, err := p.MarshalText()
		require.NoError(t, err)
		var again Position
		require.NoError(t, again.UnmarshalText(raw))
		require.Equal(t, p, again)
	})
}

var names = rapid.StringMatching(`[A-Za-z0-9][A-Za-z0-9._/-]{0,20}`)

// What a walk comes to can be kept as text and read again, and says the same of every master.
func TestAPositionIsReadAsItWasWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var p Position
		cache := names.Draw(t, "namespace") + " " + names.Draw(t, "cache")
		want := make(map[string]step)
		for range rapid.IntRange(1, 12).Draw(t, "steps") {
			id := rapid.SampledFrom([]string{"3f0a", "9a", "127.0.0.1:6379"}).Draw(t, "run")
			cursor := rapid.OneOf(rapid.Just(uint64(0)), rapid.Uint64()).Draw(t, "cursor")
			before, text := p, p.String()
			want[id] = step{cursor: cursor, done: cursor == 0}
			p = p.with(cache, id, want[id])
			require.Equal(t, text, before.String(), "a position never changes")
		}
		raw, err := p.MarshalText()
		require.NoError(t, err)
		var read Position
		require.NoError(t, read.UnmarshalText(raw))
		require.Equal(t, cache, read.cache)
		require.Equal(t, want, read.steps)
	})
}

func TestTextThatIsNoPosition(t *testing.T) {
	for _, text := range []string{
		"shop", "shop row a", "shop row a=-1", "shop row a=1.5", "shop row a=18446744073709551616", "shop row =done", "shop row a=Done",
		"shop  row", " shop row", "shop row ", "sh{op row", "shop r:ow", "shop row a=1 a=1", "shop row b=1 a=1", "shop row a=+1",
	} {
		kept := Position{cache: "shop row", steps: map[string]step{"a": {cursor: 7}}}
		require.ErrorIs(t, kept.UnmarshalText([]byte(text)), errPosition, "%q", text)
		require.Equal(t, "shop row a=7", kept.String(), "it is left as it was")
	}
	err := (&Position{}).UnmarshalText([]byte(strings.Repeat("x", 1000)))
	require.Less(t, len(err.Error()), 200, "an error is short enough for a log")
}

// A position of another cache would leave entries out.
func TestAWalkRefusesThePositionOfAnotherCache(t *testing.T) {
	s := New("shop", nil) // it is refused before Redis is asked
	for _, of := range []string{"shop cells", "shops row", "shop ro w"} {
		from := Position{cache: of, steps: map[string]step{"a": {done: true}}}
		var errs []error
		for step, err := range s.Walk(context.Background(), keyspace.New("shop").Cache("row"), from, 10) {
			require.Equal(t, Step{}, step)
			errs = append(errs, err)
		}
		require.Len(t, errs, 1)
		require.ErrorIs(t, errs[0], errPosition)
	}
}

func TestAPositionsTextIsInOrder(t *testing.T) {
	p := Position{}.with("shop row", "c", step{cursor: 1}).with("shop row", "a", step{done: true}).with("shop row", "b", step{cursor: 2})
	require.Equal(t, "shop row a=done b=2 c=1", p.String())
}
