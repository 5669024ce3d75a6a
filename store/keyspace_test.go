package store_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/jollyjet/aside/internal/entry"
	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/store"
)

// unreachable is a client for tests that send nothing.
func unreachable(t testing.TB) *redis.Client {
	t.Helper()
	rdb := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1"})
	t.Cleanup(func() { require.NoError(t, rdb.Close()) })
	return rdb
}

// hashTag is the part of a key by which Redis Cluster chooses its slot.
func hashTag(key string) string {
	_, rest, found := strings.Cut(key, "{")
	tag, _, closed := strings.Cut(rest, "}")
	if !found || !closed || tag == "" {
		return key
	}
	return tag
}

// part draws a part of a key, of the pieces that are most likely to be confused.
var part = rapid.Custom(func(t *rapid.T) string {
	pieces := rapid.SliceOfN(rapid.SampledFrom([]string{
		"a", "b", "1", "{", "}", ":", ",", "%", "~", " ", "\x00", "\x7f", "\n", "%2C", "2C", "%7D", "#", "\xff", "ü", strings.Repeat("x", 199),
	}), 0, 6).Draw(t, "pieces")
	return strings.Join(pieces, "")
})

// Lists of equal length have the same key only if they are equal, and whatever they hold, the key's slot is that of
// the whole entry.
func TestKeyIsUnique(t *testing.T) {
	st := open(t, unreachable(t))
	caches := []*entry.Cache{st.Engine().Entries.Cache("a", schema, ttl), st.Engine().Entries.Cache("ab", schema, ttl), st.Engine().Entries.Cache("a.b", schema, ttl)}
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 4).Draw(t, "n")
		one := rapid.SliceOfN(part, n, n).Draw(t, "one")
		two := rapid.SliceOfN(part, n, n).Draw(t, "two")
		p := rapid.SampledFrom(caches).Draw(t, "cache one")
		q := rapid.SampledFrom(caches).Draw(t, "cache two")
		a, b := p.Key(one...), q.Key(two...)
		require.Equal(t, p == q && slices.Equal(one, two), a == b)
		require.Equal(t, a == b, a.String() == b.String(), "short or hashed, the Redis keys differ too")
		for _, key := range []string{a.String(), st.Tag(one[0]).String()} {
			head, ok := strings.CutPrefix(key, st.Namespace()+":{")
			require.True(t, ok, key)
			require.Equal(t, head[:len(head)-1]+"}", hashTag(key)+"}", "the braces hold all of it")
			require.Less(t, len(key), 400)
			require.NotRegexp(t, `[\x00-\x20\x7f]`, key, "redis-cli can show it")
		}
		require.NotEqual(t, a.String(), st.Tag(one[0]).String())
		require.NotContains(t, []store.Key{p.All(), st.Everything()}, a)
	})
}

// Every kind of key can be loaded, read and evicted, and touches no other.
func TestUnusualKeys(t *testing.T) {
	long := strings.Repeat("0123456789", 1000)
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		st := open(t, rdb)
		entries := make(map[string]*testEntry)
		for _, key := range []string{"", " ", "\x00", "{", "}", "{}", "{a}b", "a:b", "a,b", "%", "~", "\r\n", "\xff\xfe", long, long + "x"} {
			entries[key] = entryOf(t, rdb, st, key, "tag of "+key)
			entries[key].load("value of " + key)
		}
		for key, e := range entries {
			require.Equal(t, "value value of "+key, e.sees())
			e.evict(st.Tag("tag of " + key))
			require.Equal(t, "evicted", e.sees())
			e.load("value of " + key)
			e.evict(e.Ref.Key)
			require.Equal(t, "absent", e.sees())
			e.load("value of " + key)
		}
	})
}

// A long key is stored as a hash. Should two have the same, the entry says whose it is.
func TestHashedKeyIsChecked(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		st := open(t, rdb)
		one := entryOf(t, rdb, st, strings.Repeat("1", 201))
		two := entryOf(t, rdb, st, strings.Repeat("2", 201))
		short := entryOf(t, rdb, st, "short")
		one.load("one")
		raw, err := rdb.Get(t.Context(), one.addr()).Bytes()
		require.NoError(t, err)
		require.True(t, bytes.Contains(raw, []byte(strings.Repeat("1", 201))))
		for _, other := range []*testEntry{two, short} {
			require.NoError(t, rdb.Set(t.Context(), other.addr(), raw, ttl).Err())
			require.Equal(t, "clash", other.sees())
			other.load("mine")
		}
		require.Equal(t, "value one", one.sees())
	})
}

func TestEntryOfAnotherSchemaIsAMiss(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		e := newEntry(t, rdb)
		e.load("one")
		other := *e
		other.Cache = e.st.Engine().Entries.Cache(e.Name(), schema+1, ttl)
		require.Equal(t, "schema", other.sees())
		other.load("two")
		require.Equal(t, "value two", other.sees())
		require.Equal(t, "value one", e.sees(), "they live beside each other")
	})
}
