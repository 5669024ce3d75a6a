package cacheable_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/cacheable"
	"github.com/jollyjet/aside/codec"
	"github.com/jollyjet/aside/codec/cbor"
	"github.com/jollyjet/aside/codec/msgpack"
	"github.com/jollyjet/aside/codec/s2"
	"github.com/jollyjet/aside/codec/zstd"
	"github.com/jollyjet/aside/internal/redistest"
)

type (
	priceV1   struct{ Price int }
	priceV2   struct{ Cents int }
	productV1 struct {
		ID     string
		Prices []priceV1
	}
	productV2 struct {
		ID     string
		Prices []priceV2
	}
)

// Two versions of a program share a cache while one replaces the other. Neither ever reads a value with a zero in place of a
// price: to each the value of the other is a counted miss, until it has stored one of its own.
func TestAChangedTypeIsACountedMiss(t *testing.T) {
	stores := fleet(t, redistest.Start(t).Client(t), 2)
	before := cacheable.New(stores[0], "product", constant(productV1{"p", []priceV1{{7}}}))
	after := cacheable.New(stores[1], "product", constant(productV2{"p", []priceV2{{700}}}))
	for round := range 3 {
		want := cacheable.SourceHit
		if round == 0 {
			want = cacheable.SourceMiss
		}
		p1, info, err := before.GetInfo(t.Context(), "p")
		require.NoError(t, err)
		require.Equal(t, 7, p1.Prices[0].Price)
		require.Equal(t, want, info.Source)
		_, ok, err := after.Peek(t.Context(), "p")
		require.NoError(t, err)
		require.Equal(t, round > 0, ok)
		p2, info, err := after.GetInfo(t.Context(), "p")
		require.NoError(t, err)
		require.Equal(t, 700, p2.Prices[0].Cents)
		require.Equal(t, want, info.Source)
	}
	require.Zero(t, stores[0].Stats().Caches["product"].Schema, "its entry stands under the key")
	require.EqualValues(t, 2, stores[1].Stats().Caches["product"].Schema, "by the Peek and by the Get")
	require.Zero(t, stores[1].Stats().Caches["product"].Corrupt)
}

func TestSchemaNamesTheVersion(t *testing.T) {
	rdb, namespace := redistest.Start(t).Client(t), redistest.Unique(t)
	sources := func(option ...cacheable.Option) cacheable.Source {
		_, info, err := cacheable.New(join(t, rdb, namespace), "c", constant(1), option...).GetInfo(t.Context(), "k")
		require.NoError(t, err)
		return info.Source
	}
	for _, option := range [][]cacheable.Option{
		nil, {cacheable.Schema("v1")}, {cacheable.Schema("v2")}, {cacheable.Schema(2)}, {cacheable.Schema(int64(3))}, {cacheable.Schema("")},
	} {
		require.Equal(t, cacheable.SourceMiss, sources(option...))
		require.Equal(t, cacheable.SourceHit, sources(option...))
	}
}

// With Schema two types share entries as long as the codec can read them.
func TestTypesOfTheSameSchemaShareEntries(t *testing.T) {
	stores := fleet(t, redistest.Start(t).Client(t), 2)
	type wide struct{ A, B int }
	type narrow struct{ A int }
	_, err := cacheable.New(stores[0], "c", constant(wide{1, 2}), cacheable.Schema(1)).Get(t.Context(), "k")
	require.NoError(t, err)
	v, info, err := cacheable.New(stores[1], "c", constant(narrow{9}), cacheable.Schema(1)).GetInfo(t.Context(), "k")
	require.NoError(t, err)
	require.Equal(t, cacheable.SourceHit, info.Source)
	require.Equal(t, narrow{1}, v)
}

func TestEveryCodecRoundTripsAndAnotherOneMisses(t *testing.T) {
	codecs := []codec.Codec{
		codec.JSON(), msgpack.New(), cbor.New(), zstd.New(codec.JSON()), zstd.New(msgpack.New()), s2.New(cbor.New()),
	}
	want := productV1{"p", []priceV1{{7}}}
	stores := fleet(t, redistest.Start(t).Client(t), len(codecs))
	for round := range 2 {
		for i, of := range codecs {
			c := cacheable.New(stores[i], "product", constant(want), cacheable.Codec(of), cacheable.Shared())
			if round == 0 {
				roundTrip(t, c, want)
			} else {
				v, info, err := c.GetInfo(t.Context(), "k")
				require.NoError(t, err)
				require.Equal(t, want, v)
				require.Equal(t, cacheable.SourceHit, info.Source)
			}
			misses, counts := min(i, 1), stores[i].Stats().Caches["product"] // the first has the key, and the others have variants
			require.EqualValues(t, misses, counts.Schema, of.Name())
			require.Zero(t, counts.Corrupt)
		}
	}
}

// marshals has a MarshalJSON, which the codecs for msgpack and CBOR do not use.
type marshals struct{}

func (marshals) MarshalJSON() ([]byte, error) { return json.Marshal("fixed") }

func TestARenamedFieldOfATypeThatMarshalsItselfIsAMiss(t *testing.T) {
	for _, of := range []codec.Codec{msgpack.New(), cbor.New()} {
		t.Run(of.Name(), func(t *testing.T) {
			stores := fleet(t, redistest.Start(t).Client(t), 2)
			before := func() {
				type item struct {
					marshals
					Price int
				}
				_, err := cacheable.New(stores[0], "c", constant(item{Price: 7}), cacheable.Codec(of)).Get(t.Context(), "k")
				require.NoError(t, err)
			}
			after := func() {
				type item struct {
					marshals
					Cents int
				}
				v, err := cacheable.New(stores[1], "c", constant(item{Cents: 700}), cacheable.Codec(of)).Get(t.Context(), "k")
				require.NoError(t, err)
				require.Equal(t, 700, v.Cents)
			}
			before()
			after()
		})
	}
}
