package tagversion

import (
	"slices"
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/internal/wire"
)

func nothingQueued(string) bool { return false }

func TestTagsOfAnEntryAreOpenUnlessTheyAreKnownToBeCurrent(t *testing.T) {
	for _, tt := range []struct {
		name  string
		known *State
		open  bool
	}{
		{"unknown", nil, true},
		{"the same", new(numbered(1)), false},
		{"another: the entry may be newer than what is known", new(numbered(2)), true},
		{"held: the hold may be over", &State{Held: true}, true},
		{"none", &State{}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			v := New(untracked())
			if tt.known != nil {
				v.know(v.tags.of(v.cfg.Keys.Tag("a")), *tt.known)
			}
			tags, verdict := v.EntryTags([]string{"a"}, digits(1), false, nothingQueued)
			require.Equal(t, Current, verdict)
			require.Equal(t, tt.open, tags.Open())
			require.Equal(t, !tt.open, tags.Until != 0, "what is known may be used for as long as it is trusted")
			require.True(t, v.changes.Same(tags.Changes[0]))
			v.Changed(tagA)
			require.False(t, v.changes.Same(tags.Changes[0]))
		})
	}
}

//go:fix inline

func TestEachTagHasItsOwnNumber(t *testing.T) {
	v := New(untracked())
	v.know(v.tags.of(v.cfg.Keys.Tag("a")), numbered(1))
	v.know(v.tags.of(v.cfg.Keys.Tag("b")), numbered(2))
	tags, _ := v.EntryTags([]string{"a", "b"}, slices.Concat(digits(1), digits(2)), false, nothingQueued)
	require.False(t, tags.Open())
	tags, _ = v.EntryTags([]string{"b", "a"}, slices.Concat(digits(1), digits(2)), false, nothingQueued)
	require.Len(t, tags.open, 2)
	tags, _ = v.EntryTags([]string{"a", "b"}, slices.Concat(digits(1), digits(1)), false, nothingQueued)
	require.Len(t, tags.open, 1)
	require.Equal(t, tagB, tags.open[0].version.Key().Addr())
}

func TestATagWithAQueuedEvictionIsNotAskedFor(t *testing.T) {
	v := New(untracked())
	tags, verdict := v.EntryTags([]string{"c", "a", "b"}, slices.Concat(digits(1), digits(1), digits(1)), false, func(addr string) bool { return addr == tagA })
	require.Equal(t, Held, verdict)
	require.False(t, tags.Open())
}

func TestVerdicts(t *testing.T) {
	require.Equal(t, Current, verdictOf(numbered(1), number(1)))
	require.Equal(t, Evicted, verdictOf(numbered(2), number(1)))
	require.Equal(t, Evicted, verdictOf(State{}, number(1)))
	require.Equal(t, Held, verdictOf(State{Held: true}, number(1)))
}

// Entries are asked for together; each has its own verdict, the first of its tags that is not current.
func TestOpenTagsOfSeveralEntriesAreAskedForAtOnce(t *testing.T) {
	rdb := mini(t)
	var sent redistest.Commands
	cfg := untracked()
	cfg.Wire = over(t, rdb, sent.Hook())
	v := New(cfg)
	require.NoError(t, rdb.MSet(t.Context(), tagA, record(numbered(1)), tagB, record(State{Held: true}), "n:{#tag:c}", record(numbered(3))).Err())
	entry := func(names []string, numbers ...[]byte) *EntryTags {
		tags, _ := v.EntryTags(names, slices.Concat(numbers...), false, nothingQueued)
		return &tags
	}
	all := []*EntryTags{
		entry([]string{"a"}, digits(1)),
		entry([]string{"a", "c"}, digits(1), digits(2)),
		entry([]string{"b"}, digits(1)),
		{}, // one without open tags
		entry([]string{"gone"}, digits(1)),
		entry([]string{"a", "c"}, digits(1), digits(3)),
		entry([]string{"b", "gone"}, digits(1), digits(1)),
	}
	verdicts, errs := v.Ask(t.Context(), all...)
	require.Equal(t, []Verdict{Current, Evicted, Held, Current, Evicted, Current, Held}, verdicts)
	require.Equal(t, make([]error, len(all)), errs)
	require.Equal(t, 1, sent.RoundTrips("mget", "get"))
	for _, tags := range all {
		require.False(t, tags.Open())
	}
	require.False(t, entry([]string{"a", "c"}, digits(1), digits(3)).Open(), "what was answered is known from now on")
	_, _ = v.Ask(t.Context(), &EntryTags{})
	require.Equal(t, 1, sent.RoundTrips("mget", "get"), "nothing to ask for")
}

func TestTagsThatCantBeAskedForAreAnError(t *testing.T) {
	cfg := untracked()
	rdb := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1"})
	t.Cleanup(func() { require.NoError(t, rdb.Close()) })
	cfg.Wire = over(t, rdb)
	v := New(cfg)
	tags, _ := v.EntryTags([]string{"a"}, digits(1), false, nothingQueued)
	_, errs := v.Ask(t.Context(), &EntryTags{}, &tags)
	require.NoError(t, errs[0])
	require.ErrorIs(t, errs[1], wire.ErrUnavailable)
	tags, _ = v.EntryTags([]string{"a"}, digits(1), false, nothingQueued)
	require.True(t, tags.Open(), "nothing was learned")
}
