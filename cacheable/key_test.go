package cacheable_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/jollyjet/aside/cacheable"
	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/store"
)

type sku string

type place struct {
	country string
	Zip     int
}

type query struct {
	Text  string
	Where place
	Flags [2]bool
	page  uint8
}

var keysMade atomic.Int64

// keyOf returns the function that makes keys of arguments of type K, as of a cache called "c". Caches of one name in one store
// must have the same K, so each has a name of its own.
func keyOf[K comparable](st *store.Store, options ...cacheable.Option) func(K) string {
	name := fmt.Sprint("c", keysMade.Add(1))
	c := cacheable.New(st, name, func(context.Context, K) (int, error) { return 0, nil }, options...)
	return func(k K) string { return strings.Replace(c.EntryKey(k).String(), "{"+name+":", "{c:", 1) }
}

func mini(t *testing.T) *store.Store {
	t.Helper()
	return open(t, client(t, redistest.Mini(t).Addr()))
}

func TestKeysAreReadable(t *testing.T) {
	st := mini(t)
	prefix := st.Namespace() + ":{c:"
	for got, want := range map[string]string{
		keyOf[string](st)("p-42"):                                      "p-42",
		keyOf[sku](st)("p-42"):                                         "p-42",
		keyOf[string](st)("ключ"):                                      "ключ",
		keyOf[string](st)("a b,{c}"):                                   "a%20b%2C%7Bc%7D",
		keyOf[string](st)(""):                                          "",
		keyOf[int](st)(-7):                                             "-7",
		keyOf[uint64](st)(1 << 63):                                     "9223372036854775808",
		keyOf[bool](st)(true):                                          "true",
		keyOf[[4]byte](st)([4]byte{0xde, 0xad, 0, 1}):                  "dead0001",
		keyOf[[2]string](st)([2]string{"a", "b"}):                      "a,b",
		keyOf[query](st)(query{"t", place{"de", 1}, [2]bool{true}, 9}): "t,de,1,true,false,9",
		keyOf[float64](st, cacheable.Key(func(float64) string { return "f" }))(1): "f",
	} {
		require.Equal(t, prefix+want+"}", got)
	}
	uuid := [16]byte{15: 1}
	require.Equal(t, prefix+strings.Repeat("0", 31)+"1}", keyOf[[16]byte](st)(uuid))
}

// A long key is hashed in Redis, and still differs from all others.
func TestLongKeys(t *testing.T) {
	st := open(t, redistest.Start(t).Client(t))
	c := cacheable.New(st, "c", func(_ context.Context, k string) (string, error) { return k, nil })
	for _, n := range []int{199, 200, 201, 5000, 1 << 20} {
		for _, end := range []string{"x", "y"} {
			key := strings.Repeat("k", n-1) + end
			for range 2 {
				v, err := c.Get(t.Context(), key)
				require.NoError(t, err)
				require.True(t, v == key)
			}
			require.Less(t, len(c.EntryKey(key).String()), 350)
		}
	}
	require.EqualValues(t, 10, st.Stats().Caches["c"].Hits)
}

// hostile draws texts full of the characters that separate the parts of keys.
func hostile() *rapid.Generator[string] {
	return rapid.StringOf(rapid.OneOf(rapid.SampledFrom([]rune("{},%~: \x00\x7fa0")), rapid.Rune()))
}

func TestDifferentArgumentsHaveDifferentKeys(t *testing.T) {
	st := mini(t)
	type pair struct{ A, B string }
	texts, pairs, arrays, queries := keyOf[string](st), keyOf[pair](st), keyOf[[3]string](st), keyOf[query](st)
	rapid.Check(t, func(r *rapid.T) {
		differ(r, texts, hostile())
		differ(r, pairs, rapid.Custom(func(r *rapid.T) pair {
			return pair{hostile().Draw(r, "a"), hostile().Draw(r, "b")}
		}))
		differ(r, arrays, rapid.Custom(func(r *rapid.T) [3]string {
			return [3]string{hostile().Draw(r, "0"), hostile().Draw(r, "1"), hostile().Draw(r, "2")}
		}))
		differ(r, queries, rapid.Custom(func(r *rapid.T) query {
			return query{
				Text: hostile().Draw(r, "text"), Where: place{hostile().Draw(r, "country"), rapid.Int().Draw(r, "zip")},
				Flags: [2]bool{rapid.Bool().Draw(r, "0"), rapid.Bool().Draw(r, "1")}, page: rapid.Uint8().Draw(r, "page"),
			}
		}))
	})
}

func differ[K comparable](t *rapid.T, key func(K) string, values *rapid.Generator[K]) {
	a, b := values.Draw(t, "a"), values.Draw(t, "b")
	require.Equal(t, a == b, key(a) == key(b), "%#v and %#v: %q", a, b, key(a))
	require.Equal(t, 1, strings.Count(key(a), "{"), key(a))
	require.Equal(t, 1, strings.Count(key(a), "}"), "all of it is the hash tag")
}

func TestCachesOfDifferentNamesShareNoKey(t *testing.T) {
	st := mini(t)
	rapid.Check(t, func(r *rapid.T) {
		name := rapid.StringMatching(`[a-z][a-z0-9._/-]{0,6}`)
		a, b := name.Draw(r, "a"), name.Draw(r, "b")
		x := cacheable.New(st, a, constant(0)).EntryKey(hostile().Draw(r, "x")).String()
		y := cacheable.New(st, b, constant(0)).EntryKey(hostile().Draw(r, "y")).String()
		require.True(t, a == b || x != y)
	})
}

// Bytes that are not UTF-8 make keys like any others.
func TestKeysOfArbitraryBytes(t *testing.T) {
	st := open(t, redistest.Start(t).Client(t))
	c := cacheable.New(st, "c", func(_ context.Context, k string) ([]byte, error) { return []byte(k), nil })
	for _, key := range []string{"\xff", "\xfe", "\x00", "\r\n", "\xff\xff", "a\xffb"} {
		for range 2 {
			v, err := c.Get(t.Context(), key)
			require.NoError(t, err)
			require.Equal(t, key, string(v))
		}
	}
	require.EqualValues(t, 6, st.Stats().Caches["c"].Hits)
}

func TestTypesThatNeedAKeyOfTheirOwn(t *testing.T) {
	st := mini(t)
	needsKey[float64](t, st, "float64")
	needsKey[complex128](t, st, "complex128")
	needsKey[*int](t, st, "*int")
	needsKey[any](t, st, "interface {}")
	needsKey[error](t, st, "error")
	needsKey[chan int](t, st, "chan int")
	needsKey[[2]float32](t, st, "[2]float32")
	needsKey[struct{ At *int }](t, st, "field At: *int")
	needsKey[struct{ In struct{ F float64 } }](t, st, "field In: field F: float64")
}

func needsKey[K comparable](t *testing.T, st *store.Store, mention string) {
	t.Helper()
	text := panics(t, func() { keyOf[K](st) })
	require.Contains(t, text, mention)
	require.Contains(t, text, "use cacheable.Key(func(")
	keyOf[K](st, cacheable.Key(func(K) string { return "k" })) // does
}

// panics returns the value that f panics with.
func panics(t testing.TB, f func()) (text string) {
	t.Helper()
	defer func() {
		t.Helper()
		var ok bool
		if text, ok = recover().(string); !ok {
			t.Fatal("no panic with a text")
		}
	}()
	f()
	return ""
}
