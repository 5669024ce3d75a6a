package cacheable

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"math/big"
	"net/netip"
	"net/url"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/codec"
	"github.com/jollyjet/aside/codec/cbor"
	"github.com/jollyjet/aside/codec/msgpack"
	"github.com/jollyjet/aside/codec/s2"
	"github.com/jollyjet/aside/codec/zstd"
	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/store"
)

// kind is a kind of values that a program may cache.
type kind struct {
	name string
	run  func(t *testing.T, st *store.Store, log *redistest.Log, with codec.Codec) fate
}

// fate is what becomes of a value of a kind.
type fate struct {
	hit  bool // what it was encoded to can be decoded
	same bool // ... with an equal value
	said bool // an error was logged
}

func (f fate) String() string {
	words := "never hits"
	if f.hit {
		words = "hits differ"
		if f.same {
			words = "ok"
		}
	}
	if f.said {
		words += ", said"
	} else if words != "ok" {
		words += ", silently"
	}
	return words
}

func aKind[V any](name string, value V, same func(a, b V) bool) kind {
	if same == nil {
		same = func(a, b V) bool { return reflect.DeepEqual(a, b) }
	}
	return kind{name, func(t *testing.T, st *store.Store, log *redistest.Log, with codec.Codec) (f fate) {
		cache := st.Engine().Entries.Cache(strings.NewReplacer(" ", "_", ":", "", ",", "", "^", "", "(", ".", ")", "").Replace(name+"/"+with.Name()), 0, time.Hour)
		c := newCoding[V](cache, &settings{codec: with})
		before := len(log.At(slog.LevelError, "aside: "))
		c.tellLost()
		payload, err := c.encode(value)
		if err != nil {
			c.unencodable(err)
		} else if _, err = c.verify(value, payload); err == nil {
			var back V
			require.NoError(t, c.decode(payload, &back))
			f.hit, f.same = true, same(value, back)
		}
		f.said = len(log.At(slog.LevelError, "aside: ")) > before
		return f
	}}
}

type (
	price         struct{ Price int }
	pointerJSON   struct{ n int } // encodes itself with methods of its pointer
	pointerText   struct{ n int }
	pointerBinary struct{ n int }
	noDecoding    struct{ n int } // can be encoded, not decoded
	hidden        struct {
		ID       string
		password string
	}
	skipped struct {
		ID   string
		Hash string `json:"-"`
	}
	stamped struct {
		time.Time
		Name string
	}
	shape     interface{ Area() float64 }
	square    struct{ Side float64 }
	withShape struct{ Shape shape }
	withAny   struct{ Data any }
	withError struct{ Err error }
	node      struct {
		Name string
		Next *node
	}
	omitted struct {
		List []int          `json:"list,omitempty"`
		Map  map[string]int `json:"map,omitempty"`
	}
	clashing struct { // two fields of one name, both of which a codec may leave out
		clashA
		clashB
	}
	clashA   struct{ X string }
	clashB   struct{ X string }
	embedded struct {
		town
		Name string
	}
	town      struct{ City string }
	withClock struct{ At time.Time }
	locked    struct {
		ID string
		mu sync.Mutex //nolint:unused // a lock holds nothing
	}
	enum int
)

func (p *pointerJSON) MarshalJSON() ([]byte, error)     { return json.Marshal(p.n) }
func (p *pointerJSON) UnmarshalJSON(b []byte) error     { return json.Unmarshal(b, &p.n) }
func (p *pointerText) MarshalText() ([]byte, error)     { return []byte(strconv.Itoa(p.n)), nil }
func (p *pointerText) UnmarshalText(b []byte) (e error) { p.n, e = strconv.Atoi(string(b)); return e }
func (p *pointerBinary) MarshalBinary() ([]byte, error) { return []byte(strconv.Itoa(p.n)), nil }
func (p *pointerBinary) UnmarshalBinary(b []byte) (e error) {
	p.n, e = strconv.Atoi(string(b))
	return e
}
func (p *pointerBinary) MarshalJSON() ([]byte, error) { return json.Marshal(p.n) }
func (p *pointerBinary) UnmarshalJSON(b []byte) error { return json.Unmarshal(b, &p.n) }
func (n noDecoding) MarshalText() ([]byte, error)     { return []byte("n"), nil }
func (s square) Area() float64                        { return s.Side * s.Side }
func (e enum) MarshalText() ([]byte, error)           { return []byte("enum-" + strconv.Itoa(int(e))), nil }

func sameTime(a, b time.Time) bool { return a.Equal(b) }

func kinds() []kind {
	now := time.Now()
	berlin := time.Date(2026, 3, 1, 8, 30, 0, 5, time.FixedZone("CET", 3600))
	loop := &node{Name: "a", Next: &node{Name: "b"}}
	return []kind{
		aKind("string", "text", nil),
		aKind("bytes", []byte{0, 255}, nil),
		aKind("not UTF-8", "a\xffb", nil),
		aKind("int64 beyond 2^53", int64(1<<53+1), nil),
		aKind("float", 0.1, nil),
		aKind("NaN", math.NaN(), func(a, b float64) bool { return math.IsNaN(a) && math.IsNaN(b) }),
		aKind("infinity", math.Inf(1), nil),
		aKind("complex", complex(1, 2), nil),
		aKind("struct", price{7}, nil),
		aKind("pointer", &price{7}, nil),
		aKind("nil pointer", (*price)(nil), nil),
		aKind("pointer to nil", new(*price), nil),
		aKind("linked list", loop, nil),
		aKind("embedded struct", embedded{town{"Ulm"}, "x"}, nil),
		aKind("unexported field", hidden{"1", "secret"}, nil),
		aKind("tag -", skipped{"1", "secret"}, nil),
		aKind("clashing fields", clashing{clashA{"a"}, clashB{"b"}}, nil),
		aKind("lock", &locked{ID: "1"}, func(a, b *locked) bool { return a.ID == b.ID }),
		aKind("pointer MarshalJSON", pointerJSON{42}, nil),
		aKind("pointer MarshalText", pointerText{42}, nil),
		aKind("pointer MarshalBinary", pointerBinary{42}, nil),
		aKind("field with pointer MarshalBinary", struct{ A pointerBinary }{pointerBinary{42}}, nil),
		aKind("array of pointer MarshalBinary", [2]pointerBinary{{42}, {43}}, nil),
		aKind("slice of pointer MarshalBinary", []pointerBinary{{42}}, nil),
		aKind("map of pointer MarshalBinary", map[string]pointerBinary{"a": {42}}, nil),
		aKind("any with pointer MarshalBinary", withAny{pointerBinary{42}}, nil),
		aKind("no UnmarshalText", noDecoding{42}, nil),
		aKind("enum without UnmarshalText", enum(3), nil),
		aKind("any: int", withAny{42}, nil),
		aKind("any: float", withAny{4.5}, nil),
		aKind("any: struct", withAny{price{7}}, nil),
		aKind("any: bytes", withAny{[]byte("x")}, nil),
		aKind("any: time", withAny{berlin}, func(a, b withAny) bool {
			x, _ := a.Data.(time.Time)
			y, ok := b.Data.(time.Time)
			return ok && x.Equal(y)
		}),
		aKind("any: list", withAny{[]string{"a"}}, nil),
		aKind("interface", withShape{square{2}}, nil),
		aKind("nil interface", withShape{}, nil),
		aKind("interface itself", shape(square{2}), nil),
		aKind("error", withError{errors.New("x")}, nil),
		aKind("time", now, sameTime),
		aKind("time elsewhere", withClock{berlin}, func(a, b withClock) bool { return a.At.Equal(b.At) }),
		aKind("embedded time", stamped{now, "x"}, func(a, b stamped) bool { return a.Time.Equal(b.Time) && a.Name == b.Name }),
		aKind("RawMessage", json.RawMessage(`{"a": 1}`), nil),
		aKind("broken RawMessage", json.RawMessage(`{"a"`), nil),
		aKind("big.Int", *big.NewInt(1 << 40), func(a, b big.Int) bool { return a.Cmp(&b) == 0 }),
		aKind("pointer to big.Int", big.NewInt(1<<40), func(a, b *big.Int) bool { return a.Cmp(b) == 0 }),
		aKind("map of big.Int", map[string]big.Int{"a": *big.NewInt(7)}, func(a, b map[string]big.Int) bool {
			x, y := a["a"], b["a"]
			return x.Cmp(&y) == 0
		}),
		aKind("URL with user", url.URL{Scheme: "https", Host: "x", User: url.UserPassword("a", "b")}, nil),
		aKind("netip.Addr", netip.MustParseAddr("::1"), nil),
		aKind("chan", make(chan int), nil),
		aKind("func", struct{ F func() }{func() {}}, func(a, b struct{ F func() }) bool { return (a.F == nil) == (b.F == nil) }),
		aKind("map of structs", map[price]string{{1}: "x"}, nil),
		aKind("map of ints", map[int64]string{-1: "x"}, nil),
		aKind("empty slice", struct{ L []int }{[]int{}}, nil),
		aKind("omitempty, set", omitted{[]int{1}, map[string]int{"a": 1}}, nil),
		aKind("omitempty, empty", omitted{[]int{}, map[string]int{}}, func(a, b omitted) bool { return len(b.List) == 0 && len(b.Map) == 0 }),
		aKind("two pointers to one", [2]*price{{1}, {1}}, nil),
	}
}

func allCodecs() []codec.Codec {
	return []codec.Codec{
		codec.JSON(), msgpack.New(), cbor.New(), zstd.New(codec.JSON(), zstd.MinSize(0)), s2.New(msgpack.New()), s2.New(zstd.New(cbor.New())),
	}
}

// No value comes back different, or is never hit, without an error in the log.
func TestNoValueIsLostSilently(t *testing.T) {
	log := redistest.NewLog(slog.LevelInfo)
	rdb := redis.NewClient(&redis.Options{Addr: redistest.Mini(t).Addr()})
	t.Cleanup(func() { require.NoError(t, rdb.Close()) })
	st, err := store.Open(t.Context(), rdb, store.Namespace("kinds"), store.Logger(log.Logger()))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, st.Close()) })
	var table strings.Builder
	silent := 0
	for _, k := range kinds() {
		fmt.Fprintf(&table, "\n%-34s", k.name)
		for _, with := range allCodecs()[:3] {
			f := k.run(t, st, log, with)
			fmt.Fprintf(&table, " %-22s", f)
			if !f.said && (!f.hit || !f.same) {
				silent++
			}
			if f.said && f.hit && f.same {
				t.Errorf("%s with %s: an error is logged, but hits are right", k.name, with.Name())
			}
		}
		for _, with := range allCodecs()[3:] {
			f := k.run(t, st, log, with)
			require.True(t, f.said || f.hit && f.same, "%s with %s: %v", k.name, with.Name(), f)
		}
	}
	t.Log(table.String())
	require.Zero(t, silent, "values lost silently")
}
