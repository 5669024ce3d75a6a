package cacheable

import (
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

type (
	list struct {
		Next  *list
		Value int
	}
	tree  struct{ Children map[string][]tree }
	loop  []loop
	left  struct{ Right *right }
	right struct{ Left []left }

	inner   struct{ A int }
	wrapped struct{ inner }
	status  string
)

func of[T any]() uint64 { return valueOfType(reflect.TypeFor[T](), "json", "") }

// valueOfType is the fingerprint of a cache with a fixed type of key.
func valueOfType(t reflect.Type, codec, version string) uint64 {
	return fingerprint(reflect.TypeFor[string](), t, false, codec, version)
}

// ofKey is the fingerprint of a cache with a fixed type of value.
func ofKey[K any](custom bool) uint64 {
	return fingerprint(reflect.TypeFor[K](), reflect.TypeFor[string](), custom, "json", "")
}

func TestFingerprintsTellTypesApart(t *testing.T) {
	all := map[uint64]string{}
	distinct := func(name string, f uint64) {
		t.Helper()
		require.Empty(t, all[f], "the same as that of %s", name)
		all[f] = name
	}
	distinct("base", of[struct {
		A int
		B string
	}]())
	distinct("renamed", of[struct {
		A int
		C string
	}]())
	distinct("tagged", of[struct {
		A int `json:"a"`
		B string
	}]())
	distinct("tagged otherwise", of[struct {
		A int `json:"b"`
		B string
	}]())
	distinct("type changed", of[struct {
		A int64
		B string
	}]())
	distinct("order changed", of[struct {
		B string
		A int
	}]())
	distinct("field added", of[struct {
		A int
		B string
		C bool
	}]())
	distinct("pointer", of[struct {
		A *int
		B string
	}]())
	distinct("slice", of[struct {
		A []int
		B string
	}]())
	distinct("array", of[struct {
		A [2]int
		B string
	}]())
	distinct("longer array", of[struct {
		A [3]int
		B string
	}]())
	distinct("nested", of[struct {
		A struct{ A int }
		B string
	}]())
	distinct("time", of[struct {
		A time.Time
		B string
	}]())
	distinct("duration", of[struct {
		A int
		B time.Duration
	}]())
	distinct("embedded", of[wrapped]())
	distinct("not embedded", of[struct{ Inner inner }]())
	distinct("map", of[map[string]int]())
	distinct("map of others", of[map[int]string]())
	distinct("string", of[string]())
	distinct("bytes", of[[]byte]())
	distinct("any", of[any]())
	distinct("list", of[list]())
	distinct("list of pointers", of[*list]())
	distinct("tree", of[tree]())
	distinct("loop", of[loop]())
	distinct("left", of[left]())
	distinct("right", of[right]())
	distinct("another codec", valueOfType(reflect.TypeFor[string](), "msgpack", ""))
	distinct("a version", valueOfType(reflect.TypeFor[string](), "json", "v1"))
	distinct("another version", valueOfType(reflect.TypeFor[string](), "json", "v2"))
	distinct("a version of another codec", valueOfType(reflect.TypeFor[string](), "msgpack", "v2"))
}

// Fields that no codec sees do not matter.
func TestFingerprintsIgnoreWhatIsNotEncoded(t *testing.T) {
	require.Equal(t, of[struct{ A int }](), of[struct {
		A int
		b string
	}]())
	require.Equal(t, of[string](), of[status](), "a name alone changes nothing")
	require.Equal(t, of[inner](), of[struct{ A int }]())
	require.Equal(t, of[struct{ A, B string }](), of[struct {
		A status
		B string
	}]())
}

// A fingerprint is the same in every process. It must not change without a reason, because a change makes every entry a
// miss.
func TestFingerprintsAreStable(t *testing.T) {
	require.Equal(t, uint64(0xbcb1e603c9df828c), of[struct {
		A int `json:"a"`
		B []map[string]*list
		C time.Time
	}]())
}

// Types that refer to one another have far more paths through them than parts.
func TestFingerprintsOfEntangledTypesEnd(t *testing.T) {
	done := make(chan uint64, 1)
	go func() { done <- of[entangled[[1]int]]() }()
	select {
	case f := <-done:
		require.NotEqual(t, f, of[entangled[[2]int]]())
	case <-time.After(20 * time.Second):
		t.Fatal("not done after 20 s")
	}
}

// entangled has many types, all of which refer to all others.
type entangled[T any] struct {
	Own T
	A   *entangled[[0]int]
	B   *entangled[[1]int]
	C   *entangled[[2]int]
	D   *entangled[[3]int]
	E   *entangled[[4]int]
	F   *entangled[[5]int]
	G   []entangled[[6]int]
	H   []entangled[[7]int]
	I   []entangled[[8]int]
	J   map[string]entangled[[9]int]
	K   map[string]entangled[[10]int]
	L   map[string]entangled[[11]int]
}

func TestPlain(t *testing.T) {
	require.True(t, plain(reflect.TypeFor[struct {
		A int
		B [3]string
		C struct{ D bool }
	}]()))
	for _, shared := range []reflect.Type{
		reflect.TypeFor[*int](), reflect.TypeFor[[]int](), reflect.TypeFor[map[int]int](), reflect.TypeFor[any](),
		reflect.TypeFor[chan int](), reflect.TypeFor[func()](), reflect.TypeFor[[1][]int](), reflect.TypeFor[time.Time](),
		reflect.TypeFor[struct{ a struct{ b *int } }](),
	} {
		require.False(t, plain(shared), "%v", shared)
	}
}
