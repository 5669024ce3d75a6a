package tagversion

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/jollyjet/aside/internal/envelope"
	"github.com/jollyjet/aside/internal/keyspace"
	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/internal/wire"
)

var anyState = rapid.Custom(func(t *rapid.T) State {
	switch rapid.IntRange(0, 9).Draw(t, "kind") {
	case 0:
		return State{}
	case 1:
		return State{Held: true}
	default:
		return State{Number: envelope.Version(rapid.SliceOfN(rapid.ByteRange(0, 3), envelope.VersionLen, envelope.VersionLen).Draw(t, "number"))}
	}
})

// An entry matches the snapshot whose numbers it has, and no other, as long as all versions exist.
func TestMatchIsTheOppositeOfNumbers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := &Snapshot{states: rapid.SliceOfN(anyState, shared, shared+4).Draw(t, "states")}
		named := rapid.IntRange(0, 3).Draw(t, "named")
		numbers := s.Numbers()
		require.Len(t, numbers, NumbersLen(len(s.states)-shared))
		extra := rapid.SliceOfN(rapid.Byte(), named*envelope.VersionLen, named*envelope.VersionLen).Draw(t, "numbers of named tags")
		all := append(slices.Clip(numbers), extra...)

		complete := !slices.ContainsFunc(s.states, State.None)
		require.Equal(t, complete, s.Match(all, named))
		require.Equal(t, extra, append([]byte{}, s.Named(all)...))
		require.Equal(t, slices.ContainsFunc(s.states, func(s State) bool { return s.Held }), s.Held())

		require.False(t, s.Match(all[:len(all)-1], named), "it is too short")
		require.False(t, s.Match(append(slices.Clip(all), 0), named), "it is too long")
		require.False(t, s.Match(all, named+1), "it names fewer tags")
		at := rapid.IntRange(0, len(all)-1).Draw(t, "at")
		other := slices.Clone(all)
		other[at] ^= 1 << rapid.IntRange(0, 7).Draw(t, "bit")
		require.Equal(t, complete && at >= len(numbers), s.Match(other, named), "one bit is different")
	})
}

func TestSooner(t *testing.T) {
	for _, tt := range []struct{ a, b, want time.Duration }{{0, 0, 0}, {0, 5, 5}, {5, 0, 5}, {5, 7, 5}, {7, 5, 5}} {
		require.Equal(t, tt.want, Sooner(tt.a, tt.b))
	}
}

func TestWhatStandsUnderAVersionsKey(t *testing.T) {
	later := envelope.NewTagVersion(number(1))
	later[1]++
	for _, tt := range []struct {
		raw  string
		want State
	}{
		{string(envelope.NewTagVersion(number(1))), numbered(1)},
		{hold, State{Held: true}},
		{hold[:len(hold)-1], State{}},
		{"", State{}},
		{"foreign", State{}},
		{string(later), State{}},
		{string(envelope.NewTagVersion(envelope.Version{})), State{}},
		{string(envelope.NewLease(envelope.NewToken())), State{}},
	} {
		require.Equal(t, tt.want, parse(tt.raw), "%q", tt.raw)
	}
}

// asked returns the keys that a snapshot asks for.
func asked(calls []*wire.Call) (keys []string) {
	for _, c := range calls {
		keys = append(keys, c.Key)
	}
	return keys
}

func TestASnapshotAsksForWhatIsNotBelieved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := New(untracked())
		scope := &Scope{Cache: v.Cache("cache"), Keep: time.Hour, KeepTags: time.Hour}
		everything, cache, tag := "n:{#everything}", "n:{#all:cache}", "n:{#tag:a}"
		reads := func() []string { return asked(v.Snapshot(scope, []string{tag}, Ask{}).Reads()) }
		begins := func() []string { return asked(v.Snapshot(scope, []string{tag}, Ask{BeforeLoad: true}).Begins()) }
		require.Equal(t, []string{everything, cache, tag}, reads())

		v.know(v.everything, numbered(1))
		time.Sleep(time.Second)
		v.know(scope.Cache, numbered(2))
		require.Equal(t, []string{tag}, reads(), "tags of the key are always asked for")
		require.Equal(t, []string{everything, cache, tag}, begins(), "nobody has asked Redis to keep them")
		s := v.Snapshot(scope, nil, Ask{})
		require.False(t, s.Asks())
		require.Equal(t, v.everything.known.Load().until, s.Until(), "the one that was read first ends first")
		require.Equal(t, slices.Concat(digits(1), digits(2)), s.Numbers())

		kept := &wanted{ttl: time.Hour, at: time.Now()}
		v.everything.wanted.Store(kept)
		scope.Cache.wanted.Store(kept)
		require.Equal(t, []string{tag}, begins())
		v.know(scope.Cache, State{})
		require.Equal(t, []string{tag}, reads(), "that there is none is known")
		require.Equal(t, []string{cache, tag}, begins(), "but a load begins one")
	})
}

// digits are the bytes of a version's number.
func digits(n byte) []byte { g := number(n); return g[:] }

// The replies go to their places: what is believed stays, in the fixed order of the numbers.
func TestTheRepliesGoToTheirPlaces(t *testing.T) {
	v := New(untracked())
	scope := &Scope{Cache: v.Cache("cache"), Keep: time.Hour, KeepTags: time.Hour, FromValues: true}
	v.know(v.everything, numbered(1))
	v.know(v.buckets[3], numbered(33))
	v.buckets[3].wanted.Store(&wanted{ttl: time.Hour, at: time.Now()})
	s := v.Snapshot(scope, []string{"n:{#tag:a}", "n:{#tag:b}"}, Ask{BeforeLoad: true})
	calls := s.Begins()
	require.Len(t, calls, shared+2+keyspace.TagBuckets-1, "the known bucket is not asked for")
	for _, c := range calls {
		switch c.Key {
		case "n:{#everything}":
			replies(c, record(numbered(10)), nil)
		case "n:{#all:cache}":
			replies(c, record(numbered(20)), nil)
		case "n:{#tag:a}":
			replies(c, record(numbered(30)), nil)
		case "n:{#tag:b}":
			replies(c, record(State{Held: true}), nil)
		default:
			replies(c, record(numbered(40)), nil)
		}
	}
	require.NoError(t, s.Err())
	s.Answered()
	require.Equal(t, slices.Concat(digits(10), digits(20), digits(30), make([]byte, envelope.VersionLen)), s.Numbers())
	require.True(t, s.Held())
	before := s.Before(77)
	require.EqualValues(t, 77, before.Created)
	require.Equal(t, s.Numbers(), before.Numbers)
	for i, state := range before.Buckets {
		want := numbered(40)
		if i == 3 {
			want = numbered(33)
		}
		require.Equal(t, want, state, "bucket %d", i)
	}
	state, _, ok := scope.Cache.believed(&v.cfg)
	require.True(t, ok)
	require.Equal(t, numbered(20), state, "what was answered is known from now on")
	require.True(t, scope.Cache.isKept(time.Hour), "and Redis was asked to keep it")
	require.Empty(t, asked(v.Snapshot(scope, nil, Ask{BeforeLoad: true}).Begins()))

	replies(calls[1], nil, errLost)
	require.ErrorIs(t, s.Err(), errLost)
	require.ErrorIs(t, s.Err(), wire.ErrUnavailable)
}

// One MGET reads the versions and the entry, in places of their own.
func TestASnapshotIsReadWithItsEntry(t *testing.T) {
	rdb := mini(t)
	var sent redistest.Commands
	cfg := untracked()
	cfg.Wire = over(t, rdb, sent.Hook())
	v := New(cfg)
	require.NoError(t, rdb.MSet(t.Context(), "n:{#everything}", record(numbered(1)), "n:{#all:cache}", record(numbered(2)),
		"n:{#tag:a}", record(numbered(3)), "n:{cache:k}", "the entry").Err())
	s := v.Snapshot(&Scope{Cache: v.Cache("cache"), Keep: time.Hour, KeepTags: time.Hour}, []string{"n:{#tag:a}"}, Ask{})
	raw, present, err := s.ReadWith(t.Context(), "n:{cache:k}")
	require.NoError(t, err)
	require.True(t, present)
	require.Equal(t, "the entry", string(raw))
	require.Equal(t, slices.Concat(digits(1), digits(2), digits(3)), s.Numbers())
	require.Equal(t, 1, sent.RoundTrips("mget", "get"))

	_, present, err = v.Snapshot(&Scope{Cache: v.Cache("cache"), Keep: time.Hour, KeepTags: time.Hour}, []string{"n:{#tag:a}"}, Ask{}).ReadWith(t.Context(), "n:{cache:none}")
	require.NoError(t, err)
	require.False(t, present)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	_, _, err = s.ReadWith(gone, "n:{cache:k}")
	require.ErrorIs(t, err, wire.ErrUnavailable)
}
