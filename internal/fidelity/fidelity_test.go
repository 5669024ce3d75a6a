package fidelity_test

import (
	"encoding/json"
	"math"
	"math/big"
	"reflect"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/internal/fidelity"
)

type (
	item struct {
		Price float64
		note  string
	}
	ring struct {
		Next *ring
		N    int
	}
	money  struct{ cents, scale int } // encodes itself, and knows when two are equal
	entity struct {
		ID   int
		Name string
	}
	pointed struct{ n int }
	skips   struct {
		A int `json:"-"`
		B int `json:"-,"` //nolint:staticcheck // this field is called "-"
		C int `cbor:"-"`
		D int `msgpack:"-"`
		_ int
		E struct{}
	}
)

func (m money) MarshalText() ([]byte, error)      { return []byte(strconv.Itoa(m.cents)), nil }
func (m money) Equal(o money) bool                { return m.cents*o.scale == o.cents*m.scale }
func (e entity) Equal(o entity) bool              { return e.ID == o.ID } // the same entity, perhaps another state
func (p *pointed) MarshalJSON() ([]byte, error)   { return json.Marshal(p.n) }
func (p *pointed) MarshalBinary() ([]byte, error) { return json.Marshal(p.n) }

func TestCompare(t *testing.T) {
	now, self, again, other := time.Now(), &ring{N: 1}, &ring{N: 1}, &ring{N: 1}
	self.Next, again.Next, other.Next = self, again, &ring{N: 2, Next: other}
	type any2 struct{ A, B any }
	for name, tt := range map[string]struct {
		a, b any
		want string
	}{
		"equal":              {item{1, "a"}, item{1, "a"}, ""},
		"float":              {item{1, "a"}, item{2, "a"}, ".Price came back different"},
		"zero":               {[]item{{}, {1, ""}}, []item{{}, {}}, "[1].Price came back empty"},
		"unexported":         {item{1, "a"}, item{1, ""}, ".note came back empty"},
		"NaN":                {math.NaN(), math.NaN(), ""},
		"NaN in any":         {any2{A: math.NaN()}, any2{A: math.NaN()}, ""},
		"signs of 0":         {math.Copysign(0, -1), 0.0, ""},
		"complex":            {complex(1, math.NaN()), complex(1, math.NaN()), ""},
		"nil and empty":      {[]int(nil), []int{}, ""},
		"nil and empty map":  {map[string]int{}, map[string]int(nil), ""},
		"length":             {[]int{1, 2}, []int{1}, "the value came back with 1 elements in place of 2"},
		"bytes":              {[]byte("ab"), []byte("ac"), "the value came back different"},
		"array":              {[2]string{"a", "b"}, [2]string{"a", "c"}, "[1] came back different"},
		"map":                {map[string]item{"x": {1, ""}}, map[string]item{"x": {2, ""}}, `["x"].Price came back different`},
		"key":                {map[int]int{1: 1}, map[int]int{2: 1}, "[1] did not come back"},
		"NaN as key":         {map[float64]int{math.NaN(): 1}, map[float64]int{math.NaN(): 1}, ""},
		"pointers as keys":   {map[any]int{&item{1, ""}: 1}, map[any]int{&item{1, ""}: 1}, ""},
		"type":               {any2{B: 42}, any2{B: 42.0}, ".B is int and came back as float64"},
		"nil any":            {any2{B: 42}, any2{}, ".B came back nil"},
		"set any":            {any2{}, any2{B: 42}, ".B was nil and came back as int"},
		"nil pointer":        {&item{}, (*item)(nil), "the value came back nil"},
		"cycle":              {self, again, ""},
		"difference in one":  {self, other, ".Next.N came back different"},
		"times":              {now, now.Round(0).UTC(), ""},
		"other times":        {now, now.Add(1), "the value came back different"},
		"times in a field":   {struct{ at time.Time }{now}, struct{ at time.Time }{now.Round(0).UTC()}, ""},
		"Cmp":                {big.NewInt(7), new(big.Int).Sub(big.NewInt(8), big.NewInt(1)), ""},
		"other Cmp":          {*big.NewInt(7), *big.NewInt(8), "the value came back different"},
		"own Equal":          {money{150, 100}, money{15, 10}, ""},
		"other by own Equal": {[]money{{150, 100}}, []money{{16, 10}}, "[0] came back different"},
		"Equal of an entity": {entity{1, "a"}, entity{1, "b"}, ".Name came back different"},
		"func":               {struct{ F func() }{func() {}}, struct{ F func() }{}, ".F came back nil"},
		"bool":               {true, false, "the value came back empty"},
		"uint":               {uint8(1), uint8(2), "the value came back different"},
	} {
		t.Run(name, func(t *testing.T) {
			a, b := reflect.New(reflect.TypeOf(tt.a)), reflect.New(reflect.TypeOf(tt.b))
			a.Elem().Set(reflect.ValueOf(tt.a))
			b.Elem().Set(reflect.ValueOf(tt.b))
			rules := fidelity.RulesOf("gob")
			found, lost := rules.Compare(a.Interface(), b.Interface())
			require.False(t, lost, "nothing is known of this codec")
			if tt.want == "" {
				require.Nil(t, found)
				return
			}
			require.NotNil(t, found)
			require.Equal(t, tt.want, found.String())
		})
	}
}

// What the type tells already is no difference of its own, and does not hide another one.
func TestCompareSetsAsideWhatTheTypeTells(t *testing.T) {
	rules := fidelity.RulesOf("json")
	found, lost := rules.Compare(&item{1, "a"}, &item{1, ""})
	require.Nil(t, found)
	require.True(t, lost)
	type both struct {
		a int
		B int
	}
	second, lost := rules.Compare(&[]both{{1, 1}}, &[]both{{0, 2}})
	require.Equal(t, "[0].B came back different", second.String())
	require.True(t, lost)
}

func TestAComparisonIsBounded(t *testing.T) {
	a, b := make([]int, 1_000_000), make([]int, 1_000_000)
	a[999_999] = 1
	rules := fidelity.RulesOf("json")
	found, _ := rules.Compare(&a, &b)
	require.Nil(t, found)
	a[9_999] = 1
	found, _ = rules.Compare(&a, &b)
	require.Equal(t, "[9999]", found.Path)
}

func lost[T any](codec string, addressable bool) []string {
	rules := fidelity.RulesOf(codec)
	var parts []string
	for _, l := range rules.Lost(reflect.TypeFor[T](), addressable) {
		parts = append(parts, l.String())
	}
	return parts
}

func TestLost(t *testing.T) {
	a, c, d := `.A has the tag json:"-"`, `.C has the tag cbor:"-"`, `.D has the tag msgpack:"-"`
	require.Equal(t, []string{a}, lost[skips]("json", false))
	require.Equal(t, []string{a, c}, lost[skips]("cbor", false))
	require.Equal(t, []string{a, `.B has the tag json:"-,"`, d}, lost[skips]("zstd(s2(msgpack))", false))
	require.Empty(t, lost[skips]("gob", false), "nothing is known of it")

	require.Equal(t, []string{".Items[].note is unexported"}, lost[struct{ Items []item }]("json", false))
	require.Equal(t, []string{"[][].note is unexported"}, lost[map[string][]*item]("cbor", false))
	require.Equal(t, []string{".n is unexported"}, lost[pointed]("json", false), "by value its method is not called")
	require.Empty(t, lost[pointed]("json", true))
	require.Empty(t, lost[[]pointed]("json", false))
	require.Equal(t, []string{"[].n is unexported"}, lost[map[string]pointed]("json", true))
	require.Empty(t, lost[map[string]pointed]("cbor", false), "it copies the value")
	require.Equal(t, []string{"the value is a chan"}, lost[chan int]("msgpack", false))
	require.Equal(t, []string{".F is a func", ".G[] is a complex128"}, lost[struct {
		F *func()
		G map[string]complex128
	}]("json", false))
	require.Len(t, lost[map[item]int]("json", false), 1)
	require.Empty(t, lost[ring]("json", false))
	require.Empty(t, lost[time.Time]("msgpack", false))
	require.Empty(t, lost[struct{ At *time.Time }]("cbor", false))
	require.Len(t, lost[struct{ a, b, c, d, e, f int }]("json", false), 5, "the first ones")
}

func TestNeedsPointer(t *testing.T) {
	for of, want := range map[reflect.Type]bool{
		reflect.TypeFor[pointed]():                       true,
		reflect.TypeFor[struct{ A [2]pointed }]():        true,
		reflect.TypeFor[struct{ A struct{ pointed } }](): true,
		reflect.TypeFor[big.Int]():                       true,
		reflect.TypeFor[*pointed]():                      false,
		reflect.TypeFor[[]pointed]():                     false,
		reflect.TypeFor[map[string]pointed]():            false,
		reflect.TypeFor[money]():                         false,
		reflect.TypeFor[time.Time]():                     false,
		reflect.TypeFor[any]():                           false,
		reflect.TypeFor[json.Marshaler]():                false,
		reflect.TypeFor[string]():                        false,
	} {
		require.Equal(t, want, fidelity.NeedsPointer(of), "%v", of)
	}
}
