package evict_test

import (
	"fmt"
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/cacheable"
	"github.com/jollyjet/aside/evict"
	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/store"
)

func TestByTagEvictsWhatHasTheTag(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		stores, src := fleet(t, rdb, 2), &table{}
		tags := cacheable.Tags(func(k string) []string { return []string{"all", "of " + k, "odd {tag},~%\x00"} })
		var caches []*cache
		for _, st := range stores {
			caches = append(caches, cacheable.New(st, "c", src.load, tags), cacheable.New(st, "d", src.load, tags))
		}
		untagged := cacheable.New(stores[0], "e", src.load)
		for _, tt := range []struct {
			tags []string
			gone []string
		}{
			{[]string{"of k"}, []string{"k"}},
			{[]string{"of k", "of kk"}, []string{"k", "kk"}},
			{[]string{"all"}, []string{"k", "kk", "kkk"}},
			{[]string{"odd {tag},~%\x00"}, []string{"k", "kk", "kkk"}},
			{[]string{"unknown", ""}, nil},
			{nil, nil},
		} {
			for _, key := range []string{"k", "kk", "kkk"} {
				reads(t, 0, key, append(caches, untagged)...)
			}
			require.NoError(t, evict.ByTag(t.Context(), stores[0], tt.tags...))
			for _, c := range caches {
				var lost []string
				for _, key := range []string{"k", "kk", "kkk"} {
					if gone(t, c, key) {
						lost = append(lost, key)
					}
				}
				require.Equal(t, tt.gone, lost, "%q", tt.tags)
			}
			cached(t, 0, "k", untagged)
		}
	})
}

func TestEverythingEvictsAllOfTheNamespaceAndNothingElse(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		src, elsewhere := &table{}, cacheable.New(open(t, rdb), "c", (&table{}).load)
		reads(t, 0, "k", elsewhere)
		for _, options := range [][]store.Option{nil, {store.Strict()}} {
			stores := fleet(t, rdb, 2, options...)
			var caches []*cache
			for _, st := range stores {
				caches = append(caches, cacheable.New(st, "c", src.load), cacheable.New(st, "d", src.load, tagged))
			}
			reads(t, src.cell("k").Load(), "k", caches...)
			now := src.cell("k").Add(1)
			require.NoError(t, evict.Everything(t.Context(), stores[0]))
			if options != nil {
				absent(t, "k", caches...)
			}
			absent(t, "k", caches[:2]...) // on its own node at once
			eventually(t, "the other node's notice", func() bool {
				for _, c := range caches {
					if v, err := c.Get(t.Context(), "k"); err != nil || v != now {
						return false
					}
				}
				return true
			})
			eventually(t, "hits on both nodes", func() bool {
				for _, c := range caches {
					if _, info, err := c.GetInfo(t.Context(), "k"); err != nil || info.Source != cacheable.SourceHit {
						return false
					}
				}
				return true
			})
		}
		cached(t, 0, "k", elsewhere)
	})
}

func TestByPatternEvictsWhatMatches(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		st, src := open(t, rdb), &table{}
		c, d := cacheable.New(st, "c", src.load, tagged), cacheable.New(st, "c.d", src.load)
		other := cacheable.New(open(t, rdb), "c", src.load)
		long := fmt.Sprintf("%0300d", 1)
		keys := []string{"", "a", "ab", "abc", "a*", "a?", "a[b]", `a\b`, "a{b}", "a b", "a,b", "a%b", "~", "ключ", long}
		for _, tt := range []struct {
			glob string
			gone []string
		}{
			{"c:*", keys},
			{"c:a", []string{"a"}},
			{"c:a?", []string{"ab", "a*", "a?"}},
			{"c:ab*", []string{"ab", "abc"}},
			{`c:a\*`, []string{"a*"}},
			{`c:a\[b\]`, []string{"a[b]"}},
			{`c:a\\b`, []string{`a\b`}},
			{"c:a%7Bb%7D", []string{"a{b}"}},
			{"c:a%20b", []string{"a b"}},
			{"c:[ab]", []string{"a"}},
			{"c:%7E", []string{"~"}},
			{"c:", []string{""}},
			{"c:кл*", []string{"ключ"}},
			{"nothing:*", nil},
			{"#*", nil},
			{"", nil},
		} {
			for _, key := range keys {
				require.NoError(t, c.Put(t.Context(), key, 1))
			}
			require.NoError(t, d.Put(t.Context(), "a", 1))
			require.NoError(t, other.Put(t.Context(), "a", 1))
			n, err := evict.ByPattern(t.Context(), st, tt.glob)
			require.NoError(t, err)
			require.EqualValues(t, len(tt.gone), n, tt.glob)
			var lost []string
			for _, key := range keys {
				if gone(t, c, key) {
					lost = append(lost, key)
				}
			}
			require.Equal(t, tt.gone, lost, tt.glob)
			cached(t, 1, "a", d, other)
		}
		n, err := evict.ByPattern(t.Context(), st, "*")
		require.NoError(t, err)
		require.EqualValues(t, len(keys)+1, n, "entries of all caches, and no tags")
		cached(t, 1, "a", other)
	})
}
