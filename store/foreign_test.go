package store_test

import (
	"context"
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/internal/envelope"
	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/store"
)

// foreign is what may stand under a key that no store put there.
type foreign struct {
	name string
	set  func(ctx context.Context, rdb redis.UniversalClient, key string, valid []byte) error
	seen string
}

func text(name, raw, seen string) foreign {
	return foreign{name, func(ctx context.Context, rdb redis.UniversalClient, key string, _ []byte) error {
		return rdb.Set(ctx, key, raw, 0).Err()
	}, seen}
}

func changed(name string, change func(valid []byte) []byte) foreign {
	return foreign{name, func(ctx context.Context, rdb redis.UniversalClient, key string, valid []byte) error {
		return rdb.Set(ctx, key, change(valid), 0).Err()
	}, "corrupt"}
}

var foreigners = []foreign{
	text("an empty string", "", "corrupt"),
	text("one byte", "x", "corrupt"),
	text("JSON", `{"id": 1, "name": "a text longer than the identity of an entry"}`, "corrupt"),
	text("a lone magic byte", "\xA5", "corrupt"),
	{"a later format", func(ctx context.Context, rdb redis.UniversalClient, key string, _ []byte) error {
		token := envelope.NewToken()
		return rdb.Set(ctx, key, "\xA5\x02V"+string(token[:])+string(make([]byte, 60)), 0).Err()
	}, "schema"},
	text("half a lease", string(envelope.NewLease(envelope.NewToken())[:12]), "corrupt"),
	text("the prefix of a hold", string(envelope.HoldPrefix()), "corrupt"),
	text("a hold of nobody", string(envelope.HoldPrefix())+"C", "corrupt"),
	text("a hold with a broken record", string(envelope.HoldPrefix())+"C0123456789", "corrupt"),
	changed("a version", func([]byte) []byte { return envelope.NewTagVersion(envelope.NewVersion()) }),
	changed("a truncated entry", func(valid []byte) []byte { return valid[:len(valid)-1] }),
	changed("the head of an entry", func(valid []byte) []byte { return valid[:min(len(valid)-2, envelope.IdentityLen+2)] }),
	changed("a flipped bit", func(valid []byte) []byte { valid[len(valid)-1] ^= 1; return valid }),
	changed("an entry with more", func(valid []byte) []byte { return append(valid, 'x') }),
	{"a list", func(ctx context.Context, rdb redis.UniversalClient, key string, _ []byte) error {
		return rdb.LPush(ctx, key, "x").Err()
	}, "absent"},
	{"a hash", func(ctx context.Context, rdb redis.UniversalClient, key string, _ []byte) error {
		return rdb.HSet(ctx, key, "x", "y").Err()
	}, "absent"},
}

// plant puts it in the place of the key.
func (f foreign) plant(e *testEntry, addr string) {
	e.t.Helper()
	valid, err := e.rdb.Get(e.t.Context(), addr).Bytes()
	require.NoError(e.t, err)
	require.NoError(e.t, e.rdb.Del(e.t.Context(), addr).Err())
	require.NoError(e.t, f.set(e.t.Context(), e.rdb, addr, valid))
}

// Whatever stands under the key of an entry is a miss, and the next load replaces it; with and without tags, which
// are read in other ways.
func TestForeignEntryIsReplaced(t *testing.T) {
	for _, f := range foreigners {
		t.Run(f.name, func(t *testing.T) {
			redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
				st := open(t, rdb)
				for _, e := range []*testEntry{
					entryOf(t, rdb, st, "plain"), entryOf(t, rdb, st, "tagged", "tag"), entryOf(t, rdb, st, "twice", "one", "two"),
				} {
					e.load("one")
					f.plant(e, e.addr())
					require.Equal(t, f.seen, e.sees())
					e.load("two")

					f.plant(e, e.addr())
					lease, v, err := e.Acquire(t.Context(), &e.Ref, e.read())
					require.NoError(t, err)
					require.NotNil(t, lease, "no lease with the view, but %s", words(v))
					require.True(t, e.fill(lease, "three"))

					f.plant(e, e.addr())
					lease, v, err = e.AcquireForce(t.Context(), &e.Ref)
					require.NoError(t, err)
					require.NotNil(t, lease, "no lease for a refresh, but %s", words(v))
					require.True(t, e.fill(lease, "four"))
				}
			})
		})
	}
}

func TestForeignEntryIsEvictedHeldAndPutOver(t *testing.T) {
	for _, f := range foreigners {
		t.Run(f.name, func(t *testing.T) {
			redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
				e := newEntry(t, rdb)
				e.load("one")
				f.plant(e, e.addr())
				e.evict(e.Ref.Key)
				require.Equal(t, "absent", e.sees())

				e.load("two")
				f.plant(e, e.addr())
				h := e.hold(e.Ref.Key)
				require.Equal(t, "held", e.sees())
				e.end(h)
				require.Equal(t, "absent", e.sees())

				e.load("three")
				f.plant(e, e.addr())
				if stored, err := e.Put(t.Context(), &e.Ref, result("four")); stored {
					require.NoError(t, err)
					require.Equal(t, "value four", e.sees())
				}
			})
		})
	}
}

// A version that says nothing ends the version, and the next load begins another.
func TestForeignMarkerCountsAsEvicted(t *testing.T) {
	for _, f := range foreigners {
		t.Run(f.name, func(t *testing.T) {
			redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
				e := newEntry(t, rdb, store.Strict())
				for _, version := range []store.Key{e.st.Tag("tag"), e.All(), e.st.Everything()} {
					e.evict(e.Ref.Key)
					e.load("one")
					f.plant(e, version.String())
					require.Equal(t, "evicted", e.sees(), version)
					e.load("two")

					e.evict(e.Ref.Key)
					lease := e.acquire()
					f.plant(e, version.String())
					require.False(t, e.fill(lease, "three"), "the version was lost while it was loaded")
					require.Equal(t, "evicted", e.sees())
					e.load("four")
				}
			})
		})
	}
}

// A hold that something made persistent, whose writers' deadlines have passed, is ended by the next eviction or hold.
func TestHoldWithoutEndIsNobodys(t *testing.T) {
	dead := string(envelope.HoldPrefix()) + "C" + "token of 16 byte" + "00000000001000"
	for _, tt := range []struct {
		name string
		end  func(e *testEntry, key store.Key)
	}{
		{"evict", func(e *testEntry, key store.Key) { e.evict(key) }},
		{"hold", func(e *testEntry, key store.Key) { e.end(e.hold(key)) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			redistest.Each(t, func(t *testing.T, rdb redis.UniversalClient) {
				e := newEntry(t, rdb)
				for _, key := range []store.Key{e.Ref.Key, e.st.Tag("tag")} {
					require.NoError(t, rdb.Set(t.Context(), key.String(), dead, 0).Err())
					require.Equal(t, "held", e.sees())
					require.Equal(t, "held", e.waitsFor())
					tt.end(e, key)
					e.load("one")
				}
			})
		})
	}
}
