package tagversion

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/internal/keyspace"
	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/internal/redisx"
)

// bucketsOf are the buckets as they were before a load: all have number 1, but for that of tag a.
func bucketsOf(a State) []State {
	buckets := slices.Repeat([]State{numbered(1)}, keyspace.TagBuckets)
	buckets[3] = a
	return buckets
}

func TestAValuesTagIsCurrentWhileItsBucketIsTheSame(t *testing.T) {
	for _, tt := range []struct {
		name             string
		before, tag, now State
		lost             string // which call
		current          bool
	}{
		{"nothing has happened", numbered(1), numbered(9), numbered(1), "", true},
		{"a tag of the bucket was evicted", numbered(1), numbered(9), numbered(2), "", false},
		{"the bucket was evicted and nobody has begun it again", numbered(1), numbered(9), State{}, "", false},
		{"the bucket never was", State{}, numbered(9), State{}, "", false},
		{"the bucket was held before the load", State{Held: true}, numbered(9), numbered(1), "", false},
		{"the bucket is held now", numbered(1), numbered(9), State{Held: true}, "", false},
		{"the bucket was held all the time", State{Held: true}, numbered(9), State{Held: true}, "", false},
		{"the tag is held", numbered(1), State{Held: true}, numbered(1), "", false},
		{"the tag could not be begun", numbered(1), numbered(9), numbered(1), "tag", false},
		{"the bucket could not be read", numbered(1), numbered(9), numbered(1), "bucket", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			scope := &Scope{Keep: time.Hour, KeepTags: time.Hour}
			before := &Before{Numbers: digits(5), Buckets: bucketsOf(tt.before)}
			check := scope.ValueTags(before, []string{tagA}, time.Hour)
			require.Len(t, check.begins, 1)
			bucket := redisx.Get(bucketOfA)
			replies(check.begins[0], record(tt.tag), nil)
			replies(bucket, record(tt.now), nil)
			switch tt.lost {
			case "tag":
				replies(check.begins[0], nil, errLost)
			case "bucket":
				replies(bucket, nil, errLost)
			}
			check.answered(check.begins[0], bucket)
			require.Equal(t, tt.current, check.Current())
			if tt.current {
				require.Equal(t, slices.Concat(digits(5), digits(9)), check.Numbers())
			}
			require.Equal(t, digits(5), before.Numbers, "it belongs to others, too")
		})
	}
}

func TestATagIsNotCurrentWhereNobodyReadTheBuckets(t *testing.T) {
	check := (&Scope{Keep: time.Hour, KeepTags: time.Hour}).ValueTags(&Before{}, []string{tagA}, time.Hour)
	bucket := redisx.Get(bucketOfA)
	replies(check.begins[0], record(numbered(9)), nil)
	replies(bucket, record(numbered(1)), nil)
	check.answered(check.begins[0], bucket)
	require.False(t, check.Current())
}

// Whoever has evicted a tag has changed its bucket first. So the buckets have to be read after the tags, and in a round
// trip of their own.
func TestValueTagsAreCheckedInTwoRoundTrips(t *testing.T) {
	rdb := mini(t)
	var sent redistest.Commands
	cfg := untracked()
	cfg.Wire = over(t, rdb, sent.Hook())
	v := New(cfg)
	scope := &Scope{Cache: v.Cache("cache"), Keep: time.Hour, KeepTags: time.Hour, FromValues: true}
	load := func() *Before {
		s := v.Snapshot(scope, nil, Ask{BeforeLoad: true})
		require.NoError(t, cfg.Wire.Run(t.Context(), s.Begins()...))
		s.Answered()
		before := s.Before(0)
		return &before
	}
	before := load()
	nothing := scope.ValueTags(before, nil, time.Hour)
	v.CheckValueTags(t.Context(), nothing)
	require.True(t, nothing.Current())
	require.Equal(t, before.Numbers, nothing.Numbers())

	both, a, b := scope.ValueTags(before, []string{tagA, tagB}, time.Hour), scope.ValueTags(before, []string{tagA}, time.Hour), scope.ValueTags(before, []string{tagB}, time.Hour)
	sent.TakeNames()
	v.CheckValueTags(t.Context(), nothing, both, a, b)
	require.Equal(t, 2, sent.RoundTrips("evalsha", "eval", "get"))
	require.Equal(t, 2, sent.Count("get"), "each bucket once")
	for _, check := range []*ValueTags{both, a, b} {
		require.True(t, check.Current())
	}
	require.Equal(t, slices.Concat(a.Numbers(), b.Numbers()[len(before.Numbers):]), both.Numbers())

	require.NoError(t, v.BucketsFirst(t.Context(), cfg.Wire.Run, evictions(tagA)...))
	both, b = scope.ValueTags(before, []string{tagB, tagA}, time.Hour), scope.ValueTags(before, []string{tagB}, time.Hour)
	v.CheckValueTags(t.Context(), both, b)
	require.False(t, both.Current(), "one of its tags was evicted during the load")
	require.True(t, b.Current(), "its tag is of another bucket")
	again := scope.ValueTags(load(), []string{tagA}, time.Hour)
	v.CheckValueTags(t.Context(), again)
	require.True(t, again.Current(), "a load that began later")
}
