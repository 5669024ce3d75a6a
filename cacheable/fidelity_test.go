package cacheable_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/cacheable"
	"github.com/jollyjet/aside/codec"
	"github.com/jollyjet/aside/evict"
	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/store"
)

// counting is a codec that counts what it decodes, and has the pointers that it gets.
type counting struct {
	codec.Codec
	decoded atomic.Int64
	pointer atomic.Bool
}

func (c *counting) Marshal(v any) ([]byte, error) {
	_, ok := v.(*pointerJSON)
	c.pointer.Store(ok)
	return c.Codec.Marshal(v)
}

func (c *counting) Unmarshal(data []byte, v any) error {
	c.decoded.Add(1)
	return c.Codec.Unmarshal(data, v)
}

type (
	pointerJSON struct{ n int } // encodes itself with methods of its pointer
	hidden      struct {
		ID       string
		password string //nolint:unused // the codec leaves it out
	}
	skipped struct {
		ID   string
		Hash string `json:"-"`
	}
)

func (p *pointerJSON) MarshalJSON() ([]byte, error) { return json.Marshal(p.n) }
func (p *pointerJSON) UnmarshalJSON(b []byte) error { return json.Unmarshal(b, &p.n) }

// order loses what its any held, deep inside.
type (
	order struct{ Items []line }
	line  struct{ Price any }
)

func lossyOrder() order { return order{[]line{{1.5}, {"x"}, {nil}, {42}}} }

const wentDifferent = "aside: a value came back from the codec different"

func miniRedis(t *testing.T) redis.UniversalClient { return client(t, redistest.Mini(t).Addr()) }

// Every way into the cache is looked at, and the log says where the difference is: once, however often it is found.
func TestADifferenceIsLoggedOnceWithItsPath(t *testing.T) {
	load := func(context.Context, string) (order, error) { return lossyOrder(), nil }
	for name, use := range map[string]func(ctx context.Context, st *store.Store) error{
		"get": func(ctx context.Context, st *store.Store) error {
			c := cacheable.New(st, "c", load)
			_, err := c.Get(ctx, "a")
			_, err2 := c.Get(ctx, "b")
			return errors.Join(err, err2)
		},
		"near": func(ctx context.Context, st *store.Store) error {
			c := cacheable.New(st, "c", load, cacheable.Near(10, time.Hour))
			_, err := c.Get(ctx, "a")
			_, err2 := c.Get(ctx, "b")
			return errors.Join(err, err2)
		},
		"put": func(ctx context.Context, st *store.Store) error {
			c := cacheable.New(st, "c", load)
			return errors.Join(c.Put(ctx, "a", lossyOrder()), c.Put(ctx, "b", lossyOrder()))
		},
		"replace": func(ctx context.Context, st *store.Store) error {
			c := cacheable.New(st, "c", load)
			write := evict.Around(func(_ context.Context, id string) (order, error) { return lossyOrder(), nil },
				evict.Replace(c, func(id string, o order) (string, order) { return id, o }))
			_, err := write(ctx, "a")
			_, err2 := write(ctx, "b")
			return errors.Join(err, err2)
		},
		"refresh": func(ctx context.Context, st *store.Store) error {
			c := cacheable.New(st, "c", load)
			_, err := c.Refresh(ctx, "a")
			_, err2 := c.Refresh(ctx, "b")
			return errors.Join(err, err2)
		},
		"all": func(ctx context.Context, st *store.Store) error {
			c := cacheable.NewMany(st, "c", func(_ context.Context, keys []string) (map[string]order, error) {
				return map[string]order{"a": lossyOrder(), "b": lossyOrder()}, nil
			})
			_, err := c.GetAll(ctx, []string{"a", "b"})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			st, log := logged(t, miniRedis(t))
			require.NoError(t, use(t.Context(), st))
			lines := log.At(slog.LevelError, wentDifferent)
			require.Len(t, lines, 1)
			require.Equal(t, ".Items[3].Price is int and came back as float64", lines[0].Attr("difference").String())
			require.Equal(t, "json", lines[0].Attr("codec").String())
			require.Contains(t, lines[0].Message, "cacheable.Lossy()")
			require.EqualValues(t, 2, st.Stats().Caches["c"].Lossy)
		})
	}
}

func TestLossyAndEqualDecideWhatADifferenceIs(t *testing.T) {
	ordersEqual := func(a, b order) bool { return fmt.Sprint(a) == fmt.Sprint(b) }
	for name, tt := range map[string]struct {
		options []cacheable.Option
		lossy   int64
	}{
		"neither":     {nil, 1},
		"lossy":       {[]cacheable.Option{cacheable.Lossy()}, 0},
		"equal":       {[]cacheable.Option{cacheable.Equal(ordersEqual)}, 0},
		"never equal": {[]cacheable.Option{cacheable.Equal(func(a, b order) bool { return false })}, 1},
		"panics":      {[]cacheable.Option{cacheable.Equal(func(a, b order) bool { panic("equal") })}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			st, log := logged(t, miniRedis(t))
			_, err := cacheable.New(st, "c", constant(lossyOrder()), tt.options...).Get(t.Context(), "k")
			require.NoError(t, err)
			require.Equal(t, tt.lossy, st.Stats().Caches["c"].Lossy)
			require.Len(t, log.At(slog.LevelError, wentDifferent), int(tt.lossy))
			require.Equal(t, name == "panics", st.Stats().Panics == 1)
		})
	}
	st := mini(t)
	require.Contains(t, panics(t, func() {
		cacheable.New(st, "c", constant(lossyOrder()), cacheable.Equal(func(a, b int) bool { return true }))
	}), "Equal is a func(int, int) bool, want a func(cacheable_test.order, cacheable_test.order) bool")
	require.Contains(t, panics(t, func() { cacheable.Equal[int](nil) }), "cacheable: Equal(nil)")
}

// What the type alone tells is told when the cache is made, and a value that proves it is counted but not told again.
func TestWhatTheCodecLeavesOutIsToldAtNew(t *testing.T) {
	const leavesOut, cannot = "aside: the codec leaves out parts", "aside: the codec can't encode values of this type"
	st, log := logged(t, miniRedis(t))
	c := cacheable.New(st, "skipped", constant(skipped{"1", "secret"}))
	lines := log.At(slog.LevelError, leavesOut)
	require.Len(t, lines, 1)
	require.Equal(t, `.Hash has the tag json:"-"`, lines[0].Attr("parts").String())
	_, err := c.Get(t.Context(), "k")
	require.NoError(t, err)
	require.EqualValues(t, 1, st.Stats().Caches["skipped"].Lossy)
	require.Empty(t, log.At(slog.LevelError, wentDifferent))

	cacheable.New(st, "hidden", constant([]*hidden{}))
	require.Equal(t, ".password is unexported", strings.TrimPrefix(log.At(slog.LevelError, leavesOut)[1].Attr("parts").String(), "[]"))
	cacheable.New(st, "meant", constant(hidden{}), cacheable.Lossy())
	cacheable.New(st, "compared", constant(hidden{}), cacheable.Equal(func(a, b hidden) bool { return a.ID == b.ID }))
	cacheable.New(st, "clean", constant(priceV1{}))
	require.Len(t, log.At(slog.LevelError, leavesOut), 2)
	cacheable.New(st, "func", constant(struct{ On []func() }{}), cacheable.Lossy())
	require.Equal(t, ".On[] is a func", log.At(slog.LevelError, cannot)[0].Attr("parts").String())
}

// The methods of a pointer are called only where there is one; other codecs and types get the value as it is.
func TestMethodsOfThePointerEncodeAValue(t *testing.T) {
	st := mini(t)
	with := &counting{Codec: codec.JSON()}
	c := cacheable.New(st, "c", constant(pointerJSON{42}), cacheable.Codec(with))
	for range 3 {
		v, err := c.Get(t.Context(), "k")
		require.NoError(t, err)
		require.Equal(t, pointerJSON{42}, v)
	}
	require.True(t, with.pointer.Load())
	require.NoError(t, c.Put(t.Context(), "k", pointerJSON{43}))
	v, info, err := c.GetInfo(t.Context(), "k")
	require.NoError(t, err)
	require.Equal(t, pointerJSON{43}, v)
	require.Equal(t, cacheable.SourceHit, info.Source)

	values := &valuesOnly{Codec: codec.JSON()}
	_, err = cacheable.New(st, "plain", constant(priceV1{1}), cacheable.Codec(values)).Get(t.Context(), "k")
	require.NoError(t, err)
	require.Zero(t, values.others.Load())
}

// valuesOnly counts what is not a priceV1.
type valuesOnly struct {
	codec.Codec
	others atomic.Int64
}

func (c *valuesOnly) Marshal(v any) ([]byte, error) {
	if _, ok := v.(priceV1); !ok {
		c.others.Add(1)
	}
	return c.Codec.Marshal(v)
}

// Comparing costs a decoding, so of many values few are compared, and large ones never.
func TestFewValuesAreCompared(t *testing.T) {
	const n = 10_000
	with := &counting{Codec: codec.JSON()}
	keys := make([]string, n)
	for i := range keys {
		keys[i] = fmt.Sprint(i)
	}
	size := 1
	c := cacheable.NewMany(mini(t), "c", func(_ context.Context, keys []string) (map[string]string, error) {
		values := make(map[string]string)
		for _, key := range keys {
			values[key] = strings.Repeat("x", size)
		}
		return values, nil
	}, cacheable.Codec(with))
	for i := range slices.Chunk(keys, 1000) {
		_, err := c.GetAll(t.Context(), i)
		require.NoError(t, err)
	}
	require.EqualValues(t, 3+11+1, with.decoded.Load(), "three, the powers of two up to 4096, and the second 4096th")
	size = 1 << 20
	other := cacheable.New(mini(t), "c", constant(strings.Repeat("x", size)), cacheable.Codec(&counting{Codec: codec.JSON()}))
	_, err := other.Get(t.Context(), "k")
	require.NoError(t, err)
	require.EqualValues(t, 15, with.decoded.Load())
}

// What cannot be encoded or decoded is logged once, and a panic in a method of the value is no panic of the load.
func TestWhatTheCodecFailsOnIsLoggedOnce(t *testing.T) {
	for name, tt := range map[string]struct {
		value any
		line  string
		err   string
		count func(store.CacheStats) int64
	}{
		"encode": {math.NaN(), "aside: the codec can't encode a value", "encode: ", func(c store.CacheStats) int64 { return c.Unencodable }},
		"panic":  {panicking{}, "aside: the codec can't encode a value", "encode: panic: marshal", func(c store.CacheStats) int64 { return c.Unencodable }},
		"decode": {undecodable{}, "aside: the codec can't decode what it has encoded", "decode: ", func(c store.CacheStats) int64 { return c.Undecodable }},
	} {
		t.Run(name, func(t *testing.T) {
			st, log := logged(t, miniRedis(t))
			var c interface {
				Put(ctx context.Context, key string, v any) error
				Get(ctx context.Context, key string) (any, error)
			} = cacheable.New(st, "c", constant(tt.value), cacheable.Codec(strict{codec.JSON()}), cacheable.Lossy())
			for i := range 2 {
				v, err := c.Get(t.Context(), fmt.Sprint(i))
				require.NoError(t, err)
				require.IsType(t, tt.value, v)
			}
			require.ErrorContains(t, c.Put(t.Context(), "k", tt.value), "cacheable: c: "+tt.err)
			require.Len(t, log.At(slog.LevelError, tt.line), 1)
			require.EqualValues(t, 3, tt.count(st.Stats().Caches["c"]))
		})
	}
}

type panicking struct{}

func (panicking) MarshalJSON() ([]byte, error) { panic("marshal") }

type undecodable struct{}

func (undecodable) MarshalJSON() ([]byte, error) { return json.Marshal("no way back") }

// strict can't decode one text.
type strict struct{ codec.Codec }

func (s strict) Unmarshal(data []byte, v any) error {
	if string(data) == `"no way back"` {
		return errors.New("no way back")
	}
	return s.Codec.Unmarshal(data, v)
}

// For package consistency: a load that is compared with the cache says what the codec loses of it.
func TestASourceSaysWhatTheCodecLoses(t *testing.T) {
	st := mini(t)
	load := func(_ context.Context, keys []string) (map[string]order, error) {
		return map[string]order{"k": lossyOrder()}, nil
	}
	c := cacheable.NewMany(st, "c", load)
	const lost = ".Items[3].Price is int and came back as float64"
	require.Equal(t, lost, c.Source(t.Context(), "k").Lost)
	require.Equal(t, lost, c.SourceAll(t.Context(), []string{"k"})[0].Lost)
	require.EqualValues(t, 2, st.Stats().Caches["c"].Lossy)

	floats := cacheable.New(st, "floats", constant(math.NaN()))
	require.Nil(t, floats.Equality())
	tens := cacheable.New(st, "tens", constant(1), cacheable.Equal(func(a, b int) bool { return a/10 == b/10 }))
	require.True(t, tens.Equality()(11, 12))
}
