package cacheable_test

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/cacheable"
	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/store"
)

// healed fails the test unless a read of key loads, returns the right value and leaves an entry that the next read
// hits.
func healed(t *testing.T, st *store.Store, c *cacheable.Cacheable[string, string]) {
	t.Helper()
	before := st.Stats().Caches["c"]
	v, info, err := c.GetInfo(t.Context(), "k")
	require.NoError(t, err)
	require.Equal(t, "right", v)
	require.Equal(t, cacheable.SourceMiss, info.Source)
	v, info, err = c.GetInfo(t.Context(), "k")
	require.NoError(t, err)
	require.Equal(t, "right", v)
	require.Equal(t, cacheable.SourceHit, info.Source)
	after := st.Stats().Caches["c"]
	require.Zero(t, after.RedisErrors)
	require.Equal(t, before.Loads+1, after.Loads)
}

func TestWhatIsNotAnEntryIsACountedMissAndIsReplaced(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		st := open(t, rdb)
		c := cacheable.New(st, "c", constant("right"), cacheable.Tags(func(string) []string { return []string{"a", "b"} }))
		healed(t, st, c)
		entry := rawGet(t, rdb, c.EntryKey("k"))
		damaged := map[string]string{
			"empty":                "",
			"one byte":             entry[:1],
			"prefix only":          entry[:3],
			"half":                 entry[:len(entry)/2],
			"last byte missing":    entry[:len(entry)-1],
			"one byte more":        entry + "x",
			"twice":                entry + entry,
			"json":                 `"wrong"`,
			"number":               "1",
			"binary":               strings.Repeat("\x00\xff", 100),
			"a later format":       entry[:1] + "\x7f" + entry[2:],
			"a version":            rawGet(t, rdb, st.Everything()),
			"an entry without key": string(bytes.ToUpper([]byte(entry))),
		}
		for name, raw := range damaged {
			t.Run(name, func(t *testing.T) {
				before := st.Stats().Caches["c"]
				rawSet(t, rdb, c.EntryKey("k"), raw)
				_, ok, err := c.Peek(t.Context(), "k")
				require.NoError(t, err)
				require.False(t, ok)
				healed(t, st, c)
				after := st.Stats().Caches["c"]
				if name == "a later format" { // which stays, for the program that wrote it
					require.Equal(t, before.Schema+2, after.Schema)
					require.Equal(t, raw, rawGet(t, rdb, c.EntryKey("k")))
				} else {
					require.Equal(t, before.Corrupt+2, after.Corrupt, "by the Peek and by the Get")
				}
			})
		}
		t.Run("random bits", func(t *testing.T) {
			for range 100 {
				raw := []byte(rawGet(t, rdb, c.EntryKey("k")))
				for range 1 + rand.IntN(3) {
					raw[3+rand.IntN(len(raw)-3)] ^= 1 << rand.IntN(8) // the kind as it is, or it may be a lease or a hold
				}
				rawSet(t, rdb, c.EntryKey("k"), string(raw))
				v, err := c.Get(t.Context(), "k")
				require.NoError(t, err)
				require.Equal(t, "right", v)
			}
		})
	})
}

// A value of another Redis type under the key of an entry or a tag does no harm.
func TestOtherTypesOfRedisAreReplaced(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		for name, create := range map[string]func(key string) error{
			"list": func(k string) error { return rdb.RPush(t.Context(), k, "x").Err() },
			"hash": func(k string) error { return rdb.HSet(t.Context(), k, "x", 1).Err() },
			"set":  func(k string) error { return rdb.SAdd(t.Context(), k, "x").Err() },
			"zset": func(k string) error { return rdb.ZAdd(t.Context(), k, redis.Z{Member: "x"}).Err() },
		} {
			for _, tagged := range []bool{false, true} {
				var options []cacheable.Option
				label := name
				if tagged {
					options = append(options, cacheable.Tags(func(string) []string { return []string{"a"} }))
					label += " with tags"
				}
				t.Run(label, func(t *testing.T) {
					st := open(t, rdb)
					c := cacheable.New(st, "c", constant("right"), options...)
					require.NoError(t, create(c.EntryKey("k").String()))
					healed(t, st, c)
					keys := []store.Key{c.EntryKey("k"), st.Everything(), c.WholeKey()}
					if tagged {
						keys = append(keys, st.Tag("a"))
					}
					for _, key := range keys {
						require.NoError(t, rdb.Del(t.Context(), key.String()).Err())
						require.NoError(t, create(key.String()))
						require.NoError(t, st.Evict(t.Context(), key), "evicting it works, too")
						healed(t, st, c)
					}
				})
			}
		}
	})
}

// A payload that decodes into nothing sensible: right envelope, right schema, wrong content.
func TestAPayloadThatCannotBeDecodedIsACountedMiss(t *testing.T) {
	stores := fleet(t, redistest.Start(t).Client(t), 2)
	st := stores[1]
	numbers := cacheable.New(stores[0], "c", constant(1), cacheable.Schema("same"))
	texts := cacheable.New(st, "c", constant("right"), cacheable.Schema("same"))
	_, err := numbers.Get(t.Context(), "k")
	require.NoError(t, err)
	healed(t, st, texts)
	require.EqualValues(t, 1, st.Stats().Caches["c"].Corrupt)
}

func TestALargeValue(t *testing.T) {
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		large := strings.Repeat("0123456789abcdef", 20<<20/16)
		c := cacheable.New(open(t, rdb, store.Timeout(2*patient)), "c", constant(large))
		for _, source := range []cacheable.Source{cacheable.SourceMiss, cacheable.SourceHit} {
			v, info, err := c.GetInfo(t.Context(), "k")
			require.NoError(t, err)
			require.True(t, v == large)
			require.Equal(t, source, info.Source)
		}
	})
}
