package tagversion

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// A count that was read before a change of the key does not hold after it; without a change of a key that shares the
// counter it does.
func TestCountsTellWhetherAKeyHasChanged(t *testing.T) {
	c := newChanges()
	key := rapid.SampledFrom([]string{"a", "b", "c", "n:{#tag:x}", ""})
	rapid.Check(t, func(t *rapid.T) {
		type taken struct {
			key   string
			count Count
			same  bool
		}
		var all []*taken
		for range rapid.IntRange(1, 20).Draw(t, "steps") {
			k := key.Draw(t, "key")
			if rapid.Bool().Draw(t, "read") {
				all = append(all, &taken{k, c.Read(k), true})
			} else {
				c.changed(k)
				for _, r := range all {
					r.same = r.same && c.of(r.key) != c.of(k)
				}
			}
			for _, r := range all {
				require.Equal(t, r.same, c.Same(r.count), r.key)
			}
		}
	})
}

func TestCountersAreSpread(t *testing.T) {
	c, used := newChanges(), make(map[uint32]bool)
	for i := range 1000 {
		used[c.of(fmt.Sprintf("n:{product:%d}", i))] = true
	}
	require.Greater(t, len(used), 950, "keys that share a counter invalidate each other")
	require.Len(t, c.counts, changeCounters)
}

// Whatever its kind, the version under a key is forgotten when the key has changed, and no other is.
func TestAChangeReachesItsVersionAlone(t *testing.T) {
	v := New(untracked())
	all := map[string]*Version{"everything": v.everything, "cache": v.Cache("cache"), "other": v.Cache("other")}
	for i, b := range v.buckets {
		all[fmt.Sprint("bucket ", i)] = b
	}
	for _, tag := range []string{"a", "b"} {
		all["tag "+tag] = v.tags.of(v.cfg.Keys.Tag(tag))
	}
	require.Same(t, all["cache"], v.Cache("cache"), "there is one for each key")
	for name, changed := range all {
		before := make(map[string]uint64)
		for other, one := range all {
			v.know(one, numbered(1))
			before[other] = one.Changes()
		}
		count := v.Changes().Read(changed.Key().Addr())
		v.Changed(changed.Key().Addr())
		require.False(t, v.Changes().Same(count), name)
		for other, one := range all {
			_, _, ok := one.believed(&v.cfg)
			require.Equal(t, other != name, ok, "%s when %s has changed", other, name)
			require.Equal(t, other == name, one.Changes() != before[other])
		}
	}
	count := v.Changes().Read("n:{cache:k}")
	v.Changed("n:{cache:k}")
	require.False(t, v.Changes().Same(count), "an entry has no version, but is counted")
}

// Too many tags are forgotten, which costs a question each; they are never answered wrong.
func TestTooManyTagsAreForgotten(t *testing.T) {
	v := New(untracked())
	first := v.tags.of(v.cfg.Keys.Tag("first"))
	v.know(first, numbered(1))
	require.Same(t, first, v.tags.of(v.cfg.Keys.Tag("first")))
	for i := range maxKnownTags {
		v.tags.of(v.cfg.Keys.Tag(fmt.Sprint(i)))
		require.LessOrEqual(t, len(v.tags.byKey), maxKnownTags)
	}
	require.Nil(t, v.tags.get(v.cfg.Keys.Tag("first").Addr()))
	again := v.tags.of(v.cfg.Keys.Tag("first"))
	_, _, ok := again.believed(&v.cfg)
	require.False(t, ok)
}
