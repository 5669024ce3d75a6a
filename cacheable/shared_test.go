package cacheable_test

import (
	"context"
	"log/slog"
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/cacheable"
	"github.com/jollyjet/aside/codec"
	"github.com/jollyjet/aside/codec/msgpack"
	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/store"
)

// logged opens a store whose log is kept.
func logged(t testing.TB, rdb redis.UniversalClient, options ...store.Option) (*store.Store, *redistest.Log) {
	t.Helper()
	log := redistest.NewLog(slog.LevelInfo)
	return open(t, rdb, append(options, store.Logger(log.Logger()))...), log
}

func keyed[K comparable, V any](st *store.Store, options ...cacheable.Option) {
	cacheable.New(st, "c", func(context.Context, K) (v V, err error) { return v, nil }, options...)
}

type sameShape struct{ Price int }

// Two caches of one store with the same name are one by mistake if they have another K, V, codec or Schema.
func TestAnotherCacheOfTheSameNamePanics(t *testing.T) {
	rdb := client(t, redistest.Mini(t).Addr())
	key := cacheable.Key(func(string) string { return "k" })
	for text, second := range map[string]func(*store.Store){
		"arguments of type int, the other one string":                                                  func(st *store.Store) { keyed[int, priceV1](st) },
		"arguments of type github.com/jollyjet/aside/cacheable_test.sku, the other one string":         func(st *store.Store) { keyed[sku, priceV1](st) },
		"values of type string, the other one github.com/jollyjet/aside/cacheable_test.priceV1":        func(st *store.Store) { keyed[string, string](st) },
		"values of type *cacheable_test.priceV1, the other one github.com/jollyjet/aside/cacheable_te": func(st *store.Store) { keyed[string, *priceV1](st) },
		"values of type github.com/jollyjet/aside/cacheable_test.sameShape, the other one github":      func(st *store.Store) { keyed[string, sameShape](st) },
		"cacheable.Key: true, the other one: false":                                                    func(st *store.Store) { keyed[string, priceV1](st, key) },
		"the codec msgpack, the other one json":                                                        func(st *store.Store) { keyed[string, priceV1](st, cacheable.Codec(msgpack.New())) },
		`cacheable.Schema "version 2", the other one ""`:                                               func(st *store.Store) { keyed[string, priceV1](st, cacheable.Schema(2)) },
		"arguments of type [1]string, the other one string": func(st *store.Store) {
			cacheable.NewMany(st, "c", func(context.Context, [][1]string) (map[[1]string]priceV1, error) { return nil, nil })
		},
	} {
		for _, shared := range [][]cacheable.Option{nil, {cacheable.Shared()}} {
			st := open(t, rdb)
			keyed[string, priceV1](st, shared...)
			said := panics(t, func() { second(st) })
			require.Contains(t, said, `cacheable: New("c"): the store already has a cache of this name`)
			require.Contains(t, said, text)
			require.Contains(t, said, "give one of them another name")
		}
	}
}

func TestACacheThatPanickedIsNotKnown(t *testing.T) {
	st, log := logged(t, client(t, redistest.Mini(t).Addr()))
	panics(t, func() { keyed[float64, string](st) })
	panics(t, func() { keyed[int, string](st, cacheable.Tags(func(string) []string { return nil })) })
	keyed[string, string](st)
	panics(t, func() { keyed[int, string](st) })
	require.Empty(t, log.With("same name"))
}

// The same K and V may be meant, so it is logged, once for each name.
func TestCachesOfTheSameNameAreLoggedOnceUnlessAllAreShared(t *testing.T) {
	rdb := client(t, redistest.Mini(t).Addr())
	one := func(st *store.Store, options ...cacheable.Option) { keyed[string, string](st, options...) }
	many := func(st *store.Store, options ...cacheable.Option) {
		cacheable.NewMany(st, "c", func(context.Context, []string) (map[string]string, error) { return nil, nil }, options...)
	}
	shared, same := cacheable.Shared(), cacheable.Codec(codec.JSON())
	for name, tt := range map[string]struct {
		want int
		make func(st *store.Store)
	}{
		"one":                      {0, func(st *store.Store) { one(st) }},
		"two":                      {1, func(st *store.Store) { one(st); one(st) }},
		"three":                    {1, func(st *store.Store) { one(st); one(st); one(st) }},
		"one and many":             {1, func(st *store.Store) { one(st); many(st) }},
		"all shared":               {0, func(st *store.Store) { one(st, shared); many(st, shared); one(st, shared, same) }},
		"the first is not shared":  {1, func(st *store.Store) { one(st); many(st, shared); many(st, shared) }},
		"the second is not shared": {1, func(st *store.Store) { one(st, shared); many(st); many(st, shared) }},
		"other names": {0, func(st *store.Store) {
			one(st)
			cacheable.New(st, "d", constant(""))
		}},
	} {
		t.Run(name, func(t *testing.T) {
			st, log := logged(t, rdb)
			tt.make(st)
			lines := log.At(slog.LevelWarn, "aside: two caches of one store have the same name")
			require.Len(t, lines, tt.want)
			if tt.want > 0 {
				require.Contains(t, lines[0].Text, "cacheable.Shared()")
				require.Equal(t, "c", lines[0].Attr("cache").String())
				require.Equal(t, "string", lines[0].Attr("value_type").String())
			}
		})
	}
}

// Two stores of one namespace, as of two services or two versions: what the one has loaded for other arguments is no answer.
func TestCachesOfOtherArgumentsHaveOtherEntries(t *testing.T) {
	type (
		tenant    string
		user      string
		reordered struct{ User, Tenant string }
		ordered   struct{ Tenant, User string }
	)
	says := func(who string) func(context.Context, string, string) (string, error) {
		return func(_ context.Context, a, b string) (string, error) { return who + " " + a + "/" + b, nil }
	}
	named := func(_ context.Context, a tenant, b user) (string, error) { return "of " + string(a), nil }
	swapped := func(_ context.Context, a user, b tenant) (string, error) { return "of " + string(b), nil }
	redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
		for name, read := range map[string]func(a, b *store.Store) (first, second string){
			"by SKU, by id": func(a, b *store.Store) (string, string) {
				one, _ := cacheable.New(a, "c", func(_ context.Context, k sku) (string, error) { return "sku", nil }).Get(t.Context(), "42")
				two, _ := cacheable.New(b, "c", func(_ context.Context, k int) (string, error) { return "id", nil }).Get(t.Context(), 42)
				return one, two
			},
			"fields reordered": func(a, b *store.Store) (string, string) {
				one, _ := cacheable.New(a, "c", func(_ context.Context, k ordered) (string, error) { return "of " + k.Tenant, nil }).
					Get(t.Context(), ordered{"acme", "eve"})
				two, _ := cacheable.New(b, "c", func(_ context.Context, k reordered) (string, error) { return "of " + k.Tenant, nil }).
					Get(t.Context(), reordered{"acme", "eve"}) // the arguments of tenant eve
				return one, two
			},
			"named arguments swapped": func(a, b *store.Store) (string, string) {
				one, _ := cacheable.New(a, "c", cacheable.Pack2(named)).Get(t.Context(), cacheable.Args2[tenant, user]{A: "acme", B: "eve"})
				two, _ := cacheable.New(b, "c", cacheable.Pack2(swapped)).Get(t.Context(), cacheable.Args2[user, tenant]{A: "acme", B: "eve"})
				return one, two
			},
			"a schema does not stand for the key": func(a, b *store.Store) (string, string) {
				one, _ := cacheable.New(a, "c", cacheable.Pack2(named), cacheable.Schema(1)).Get(t.Context(), cacheable.Args2[tenant, user]{A: "acme", B: "eve"})
				two, _ := cacheable.New(b, "c", cacheable.Pack2(swapped), cacheable.Schema(1)).Get(t.Context(), cacheable.Args2[user, tenant]{A: "acme", B: "eve"})
				return one, two
			},
			"unnamed arguments swapped, with a new schema": func(a, b *store.Store) (string, string) {
				args := cacheable.Args2[string, string]{A: "x", B: "y"}
				one, _ := cacheable.New(a, "c", cacheable.Pack2(says("first"))).Get(t.Context(), args)
				two, _ := cacheable.New(b, "c", cacheable.Pack2(says("second")), cacheable.Schema(2)).Get(t.Context(), args)
				return one, two
			},
		} {
			t.Run(name, func(t *testing.T) {
				stores := fleet(t, rdb, 2)
				first, second := read(stores[0], stores[1])
				require.NotEmpty(t, first)
				require.NotEmpty(t, second)
				require.NotEqual(t, first, second)
			})
		}
	})
}
