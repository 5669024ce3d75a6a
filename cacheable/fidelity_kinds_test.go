package cacheable_test

import (
	"context"
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

	"github.com/jollyjet/aside/cacheable"
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
	run  func(t *testing.T, rdb redis.UniversalClient, with codec.Codec) fate
}

// fate is what becomes of a value of a kind.
type fate struct {
	hit  bool // the second read was answered from Redis
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

func of[V any](name string, value V, same func(a, b V) bool) kind {
	if same == nil {
		same = func(a, b V) bool { return reflect.DeepEqual(a, b) }
	}
	return kind{name, func(t *testing.T, rdb redis.UniversalClient, with codec.Codec) (f fate) {
		log := redistest.NewLog(slog.LevelInfo)
		st := open(t, rdb, store.Logger(log.Logger()))
		c := cacheable.New(st, "c", func(context.Context, string) (V, error) { return value, nil }, cacheable.Codec(with))
		miss, _, err := c.GetInfo(t.Context(), "k")
		require.NoError(t, err)
		require.True(t, same(value, miss), "a miss answers with what was loaded")
		hit, info, err := c.GetInfo(t.Context(), "k")
		require.NoError(t, err)
		f.hit = info.Source == cacheable.SourceHit
		f.same = same(value, hit)
		f.said = len(log.Lines(func(l redistest.Line) bool { return l.Level == slog.LevelError })) > 0
		return f
	}}
}

type (
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
		inner
		Name string
	}
	inner     struct{ City string }
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
		of("string", "text", nil),
		of("bytes", []byte{0, 255}, nil),
		of("not UTF-8", "a\xffb", nil),
		of("int64 beyond 2^53", int64(1<<53+1), nil),
		of("float", 0.1, nil),
		of("NaN", math.NaN(), func(a, b float64) bool { return math.IsNaN(a) && math.IsNaN(b) }),
		of("infinity", math.Inf(1), nil),
		of("complex", complex(1, 2), nil),
		of("struct", priceV1{7}, nil),
		of("pointer", &priceV1{7}, nil),
		of("nil pointer", (*priceV1)(nil), nil),
		of("pointer to nil", new(*priceV1), nil),
		of("linked list", loop, nil),
		of("embedded struct", embedded{inner{"Ulm"}, "x"}, nil),
		of("unexported field", hidden{"1", "secret"}, nil),
		of("tag -", skipped{"1", "secret"}, nil),
		of("clashing fields", clashing{clashA{"a"}, clashB{"b"}}, nil),
		of("lock", &locked{ID: "1"}, func(a, b *locked) bool { return a.ID == b.ID }),
		of("pointer MarshalJSON", pointerJSON{42}, nil),
		of("pointer MarshalText", pointerText{42}, nil),
		of("pointer MarshalBinary", pointerBinary{42}, nil),
		of("field with pointer MarshalBinary", struct{ A pointerBinary }{pointerBinary{42}}, nil),
		of("array of pointer MarshalBinary", [2]pointerBinary{{42}, {43}}, nil),
		of("slice of pointer MarshalBinary", []pointerBinary{{42}}, nil),
		of("map of pointer MarshalBinary", map[string]pointerBinary{"a": {42}}, nil),
		of("any with pointer MarshalBinary", withAny{pointerBinary{42}}, nil),
		of("no UnmarshalText", noDecoding{42}, nil),
		of("enum without UnmarshalText", enum(3), nil),
		of("any: int", withAny{42}, nil),
		of("any: float", withAny{4.5}, nil),
		of("any: struct", withAny{priceV1{7}}, nil),
		of("any: bytes", withAny{[]byte("x")}, nil),
		of("any: time", withAny{berlin}, func(a, b withAny) bool {
			x, _ := a.Data.(time.Time)
			y, ok := b.Data.(time.Time)
			return ok && x.Equal(y)
		}),
		of("any: list", withAny{[]string{"a"}}, nil),
		of("interface", withShape{square{2}}, nil),
		of("nil interface", withShape{}, nil),
		of("interface itself", shape(square{2}), nil),
		of("error", withError{errors.New("x")}, nil),
		of("time", now, sameTime),
		of("time elsewhere", withClock{berlin}, func(a, b withClock) bool { return a.At.Equal(b.At) }),
		of("embedded time", stamped{now, "x"}, func(a, b stamped) bool { return a.Time.Equal(b.Time) && a.Name == b.Name }),
		of("RawMessage", json.RawMessage(`{"a": 1}`), nil),
		of("broken RawMessage", json.RawMessage(`{"a"`), nil),
		of("big.Int", *big.NewInt(1 << 40), func(a, b big.Int) bool { return a.Cmp(&b) == 0 }),
		of("pointer to big.Int", big.NewInt(1<<40), func(a, b *big.Int) bool { return a.Cmp(b) == 0 }),
		of("map of big.Int", map[string]big.Int{"a": *big.NewInt(7)}, func(a, b map[string]big.Int) bool {
			x, y := a["a"], b["a"]
			return x.Cmp(&y) == 0
		}),
		of("URL with user", url.URL{Scheme: "https", Host: "x", User: url.UserPassword("a", "b")}, nil),
		of("netip.Addr", netip.MustParseAddr("::1"), nil),
		of("chan", make(chan int), nil),
		of("func", struct{ F func() }{func() {}}, func(a, b struct{ F func() }) bool { return (a.F == nil) == (b.F == nil) }),
		of("map of structs", map[priceV1]string{{1}: "x"}, nil),
		of("map of ints", map[int64]string{-1: "x"}, nil),
		of("empty slice", struct{ L []int }{[]int{}}, nil),
		of("omitempty, set", omitted{[]int{1}, map[string]int{"a": 1}}, nil),
		of("omitempty, empty", omitted{[]int{}, map[string]int{}}, func(a, b omitted) bool { return len(b.List) == 0 && len(b.Map) == 0 }),
		of("two pointers to one", [2]*priceV1{{1}, {1}}, nil),
	}
}

func allCodecs() []codec.Codec {
	return []codec.Codec{
		codec.JSON(), msgpack.New(), cbor.New(), zstd.New(codec.JSON(), zstd.MinSize(0)), s2.New(msgpack.New()), s2.New(zstd.New(cbor.New())),
	}
}

// No value comes back different, or is never hit, without an error in the log.
func TestNoValueIsLostSilently(t *testing.T) {
	rdb := client(t, redistest.Mini(t).Addr())
	var table strings.Builder
	silent := 0
	for _, k := range kinds() {
		fmt.Fprintf(&table, "\n%-34s", k.name)
		for _, with := range allCodecs()[:3] {
			f := k.run(t, rdb, with)
			fmt.Fprintf(&table, " %-22s", f)
			if !f.said && !(f.hit && f.same) {
				silent++
			}
			if f.said && f.hit && f.same {
				t.Errorf("%s with %s: an error is logged, but hits are right", k.name, with.Name())
			}
		}
		for _, with := range allCodecs()[3:] {
			f := k.run(t, rdb, with)
			require.True(t, f.said || f.hit && f.same, "%s with %s: %v", k.name, with.Name(), f)
		}
	}
	t.Log(table.String())
	require.Zero(t, silent, "values lost silently")
}
