package tagversion

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/internal/lua"
	"github.com/jollyjet/aside/internal/wire"
)

// The bucket of a tag is a contract with other versions of the program: a process that evicts a tag by way of one bucket,
// while another checks it by way of a different one, would let an evicted value be stored.
func TestBucketsDoNotChange(t *testing.T) {
	for addr, want := range map[string]int{
		"shop:{#tag:sale%20now}": 0, "shop:{#tag:a}": 11, "shop:{#tag:b}": 0, "shop:{#tag:c}": 5, "n:{#tag:}": 8, "n:{#tag:ü}": 5,
		"n:{#tag:catalogue}": 1, "n:{#tag:~ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad}": 0,
	} {
		require.Equal(t, want, bucketOf(addr), addr)
	}
	for i, want := range []int{3, 8, 13, 10, 7, 12, 1, 14, 11, 0, 5, 2, 15, 4, 9, 6} {
		require.Equal(t, want, bucketOf("n:{#tag:"+string(rune('a'+i))+"}"))
	}
}

// sender carries out calls, but those on the keys in lost.
type sender struct {
	lost  map[string]bool
	sends [][]*wire.Call
}

func (s *sender) send(_ context.Context, calls ...*wire.Call) (err error) {
	s.sends = append(s.sends, calls)
	for _, c := range calls {
		if s.lost[c.Key] {
			replies(c, nil, errLost)
			err = errLost
		} else {
			replies(c, int64(1), nil)
		}
	}
	return err
}

const tagA, bucketOfA, tagB, bucketOfB = "n:{#tag:a}", "n:{#tags:3}", "n:{#tag:b}", "n:{#tags:8}"

func evictions(addrs ...string) (calls []*wire.Call) {
	for _, addr := range addrs {
		calls = append(calls, &wire.Call{Script: lua.Evict, Key: addr, Args: []any{"n"}})
	}
	return calls
}

func TestBucketsAreChangedFirst(t *testing.T) {
	v, s := New(untracked()), &sender{}
	calls := evictions("n:{cache:k}", tagA, tagB, tagA, "n:{#all:cache}")
	require.NoError(t, v.BucketsFirst(t.Context(), s.send, calls...))
	require.Len(t, s.sends, 2)
	require.Equal(t, []string{bucketOfA, bucketOfB}, asked(s.sends[0]), "each once, and only those of tags")
	for _, c := range s.sends[0] {
		require.Same(t, lua.Evict, c.Script)
		require.Equal(t, []any{"n"}, c.Args)
	}
	require.Equal(t, calls, s.sends[1])
	for _, c := range calls {
		require.True(t, c.Did())
	}
}

func TestWithoutTagsThereAreNoBuckets(t *testing.T) {
	v, s := New(untracked()), &sender{}
	require.NoError(t, v.BucketsFirst(t.Context(), s.send, evictions("n:{cache:k}", "n:{#everything}", "n:{#all:cache}")...))
	require.Len(t, s.sends, 1, "one round trip")
}

// A tag of which the bucket is not changed is evicted for the entries whose keys tell it, but not for a load that learns it
// from its value. So the eviction has failed, and is to be repeated.
func TestAFailureOfABucketIsOneOfItsTags(t *testing.T) {
	v, s := New(untracked()), &sender{lost: map[string]bool{bucketOfA: true}}
	calls := evictions("n:{cache:k}", tagA, tagB, tagA)
	require.ErrorIs(t, v.BucketsFirst(t.Context(), s.send, calls...), errLost)
	require.Len(t, s.sends, 2, "the tags are evicted all the same")
	for i, want := range []bool{true, false, true, false} {
		require.Equal(t, want, calls[i].Err() == nil, "call %d", i)
		require.Equal(t, want, calls[i].Did(), "call %d", i)
	}

	s = &sender{lost: map[string]bool{tagB: true}}
	calls = evictions(tagA, tagB)
	require.ErrorIs(t, v.BucketsFirst(t.Context(), s.send, calls...), errLost)
	require.NoError(t, calls[0].Err())
	require.ErrorIs(t, calls[1].Err(), errLost)
}

func TestAnUnreplicatedBucketIsNoFailureOfItsTags(t *testing.T) {
	v, sends := New(untracked()), 0
	send := func(_ context.Context, calls ...*wire.Call) error {
		for _, c := range calls {
			replies(c, int64(1), nil)
		}
		if sends++; sends == 1 {
			return wire.ErrUnreplicated
		}
		return nil
	}
	calls := evictions(tagA)
	require.ErrorIs(t, v.BucketsFirst(t.Context(), send, calls...), wire.ErrUnreplicated)
	require.NoError(t, calls[0].Err())
}

// What this process knows of a bucket is forgotten once it was changed, and may have been changed where that failed.
func TestAChangedBucketIsForgotten(t *testing.T) {
	for _, lost := range []bool{false, true} {
		v := New(untracked())
		v.know(v.buckets[3], numbered(1))
		v.know(v.buckets[8], numbered(1))
		s := &sender{lost: map[string]bool{bucketOfA: lost}}
		_ = v.BucketsFirst(t.Context(), s.send, evictions(tagA)...)
		_, _, ok := v.buckets[3].believed(&v.cfg)
		require.False(t, ok)
		_, _, ok = v.buckets[8].believed(&v.cfg)
		require.True(t, ok)
	}
}
