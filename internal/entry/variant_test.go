package entry

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/internal/lua"
	"github.com/jollyjet/aside/internal/wire"
)

// twoSchemas are the entries of one cache as two versions of a program see them. The first has its entry under the key.
func twoSchemas(t *testing.T) (old, newer *Cache, ref Ref) {
	t.Helper()
	all, _ := mini(t)
	old, newer = all.Cache("cache", schema, ttl), all.Cache("cache", schema+1, ttl)
	ref = old.Ref(old.Key("k"), []string{"tag"})
	load(t, old, &ref, Contents{Payload: []byte("old"), TTL: ttl})
	return old, newer, ref
}

func payload(t *testing.T, c *Cache, ref *Ref) (State, string) {
	t.Helper()
	e, err := c.Read(t.Context(), ref)
	require.NoError(t, err)
	all, errs := c.ReadAll(t.Context(), []*Ref{ref})
	require.NoError(t, errs[0])
	require.Equal(t, e.State, all[0].State, "both ways of reading agree")
	require.Equal(t, e.Payload(), all[0].Payload())
	return e.State, string(e.Payload())
}

func TestAVariantStandsBesideTheEntry(t *testing.T) {
	old, newer, ref := twoSchemas(t)
	e, err := newer.Read(t.Context(), &ref)
	require.NoError(t, err)
	require.Equal(t, Invalid, e.State)
	require.Equal(t, Schema, e.Reason)
	load(t, newer, &ref, Contents{Payload: []byte("new"), TTL: ttl})
	for range 2 {
		state, text := payload(t, old, &ref)
		require.Equal(t, Value, state)
		require.Equal(t, "old", text)
		state, text = payload(t, newer, &ref)
		require.Equal(t, Value, state)
		require.Equal(t, "new", text)
	}
}

// A load of a variant is not stored once anything has happened to the entry, and then nobody waits for its lease.
func TestWhateverHappensToTheEntryEndsTheLoadOfAVariant(t *testing.T) {
	for name, change := range map[string]func(t *testing.T, old *Cache, ref *Ref){
		"evicted": func(t *testing.T, old *Cache, ref *Ref) {
			t.Helper()
			require.NoError(t, old.Evict(t.Context(), ref.Key))
		},
		"expired": func(t *testing.T, old *Cache, ref *Ref) {
			t.Helper()
			require.NoError(t, old.Expire(t.Context(), ref.Key))
		},
		"put": func(t *testing.T, old *Cache, ref *Ref) {
			t.Helper()
			stored, err := old.Put(t.Context(), ref, Contents{Payload: []byte("put"), TTL: ttl})
			require.NoError(t, err)
			require.True(t, stored)
		},
		"refreshed": func(t *testing.T, old *Cache, ref *Ref) {
			t.Helper()
			lease, _, err := old.AcquireForce(t.Context(), ref)
			require.NoError(t, err)
			stored, err := lease.Store(t.Context(), Contents{Payload: []byte("refreshed"), TTL: ttl})
			require.NoError(t, err)
			require.True(t, stored)
		},
		"held": func(t *testing.T, old *Cache, ref *Ref) {
			t.Helper()
			_, err := old.cfg.Evictor.Hold(t.Context(), ref.Key)
			require.NoError(t, err)
		},
		"its tag evicted": func(t *testing.T, old *Cache, _ *Ref) {
			t.Helper()
			require.NoError(t, old.Evict(t.Context(), old.cfg.Keys.Tag("tag")))
		},
		"all evicted": func(t *testing.T, old *Cache, _ *Ref) {
			t.Helper()
			require.NoError(t, old.Evict(t.Context(), old.All()))
		},
	} {
		t.Run(name, func(t *testing.T) {
			old, newer, ref := twoSchemas(t)
			lease, _, err := newer.Acquire(t.Context(), &ref, Entry{})
			require.NoError(t, err)
			require.NotNil(t, lease)
			change(t, old, &ref)
			stored, err := lease.Store(t.Context(), Contents{Payload: []byte("late"), TTL: ttl})
			require.NoError(t, err)
			require.False(t, stored)
			state, _ := payload(t, newer, &ref)
			require.NotEqual(t, Value, state)
			require.NotEqual(t, Leased, state)
		})
	}
}

// The same for a variant that is stored, and for the refresh of it that is on its way.
func TestWhateverHappensToTheEntryEndsItsVariant(t *testing.T) {
	old, newer, ref := twoSchemas(t)
	load(t, newer, &ref, Contents{Payload: []byte("new"), TTL: ttl})
	e, err := newer.Read(t.Context(), &ref)
	require.NoError(t, err)
	refresh, _, err := newer.AcquireStale(t.Context(), &ref, e, true)
	require.NoError(t, err)
	require.NotNil(t, refresh)
	second, found, err := newer.AcquireStale(t.Context(), &ref, e, true)
	require.NoError(t, err)
	require.Nil(t, second, "one refreshes it")
	require.Equal(t, Leased, found.State)
	state, text := payload(t, newer, &ref)
	require.Equal(t, Value, state)
	require.Equal(t, "new", text, "it is readable meanwhile")

	stored, err := refresh.Store(t.Context(), Contents{Payload: []byte("newer"), TTL: ttl})
	require.NoError(t, err)
	require.True(t, stored)
	_, text = payload(t, newer, &ref)
	require.Equal(t, "newer", text)

	e, err = newer.Read(t.Context(), &ref)
	require.NoError(t, err)
	refresh, _, err = newer.AcquireStale(t.Context(), &ref, e, true)
	require.NoError(t, err)
	require.NotNil(t, refresh)
	require.NoError(t, old.Evict(t.Context(), ref.Key))
	state, _ = payload(t, newer, &ref)
	require.Equal(t, Absent, state)
	stored, err = refresh.Store(t.Context(), Contents{Payload: []byte("late"), TTL: ttl})
	require.NoError(t, err)
	require.False(t, stored)
	load(t, old, &ref, Contents{Payload: []byte("old again"), TTL: ttl})
	state, _ = payload(t, newer, &ref)
	require.Equal(t, Invalid, state, "a variant does not come back with another entry")
}

// The entry goes away while a variant is being leased: the load goes under the key instead.
func TestTheEntryGoesWhileItsVariantIsLeased(t *testing.T) {
	old, newer, ref := twoSchemas(t)
	seen, err := newer.Read(t.Context(), &ref)
	require.NoError(t, err)
	require.NoError(t, old.Evict(t.Context(), ref.Key))
	lease, _, err := newer.Acquire(t.Context(), &ref, seen)
	require.NoError(t, err)
	require.NotNil(t, lease)
	stored, err := lease.Store(t.Context(), Contents{Payload: []byte("new"), TTL: ttl})
	require.NoError(t, err)
	require.True(t, stored)
	e, err := newer.Read(t.Context(), &ref)
	require.NoError(t, err)
	require.Nil(t, e.anchor, "it stands under the key")
	state, _ := payload(t, old, &ref)
	require.Equal(t, Invalid, state)
}

// A fill that is carried out late, when the entry is another one, stores nothing.
func TestAFillOfAVariantThatArrivesLate(t *testing.T) {
	old, newer, ref := twoSchemas(t)
	lease, _, err := newer.Acquire(t.Context(), &ref, Entry{})
	require.NoError(t, err)
	late := lease.ending(Finish{Contents: &Contents{Payload: []byte("late"), TTL: ttl}}, &ref, newer.scope.ValueTags(&lease.before, nil, ttl))
	require.NoError(t, old.Evict(t.Context(), ref.Key))
	load(t, old, &ref, Contents{Payload: []byte("old again"), TTL: ttl})
	require.NoError(t, newer.cfg.Wire.Run(context.WithoutCancel(t.Context()), late.calls...))
	require.False(t, late.change.Did())
	state, _ := payload(t, newer, &ref)
	require.Equal(t, Invalid, state)
}

// What this process keeps of a variant is dropped when the entry or the variant changes.
func TestTheValidityOfAVariant(t *testing.T) {
	old, newer, ref := twoSchemas(t)
	load(t, newer, &ref, Contents{Payload: []byte("new"), TTL: ttl})
	e, err := newer.Read(t.Context(), &ref)
	require.NoError(t, err)
	for _, addr := range []string{ref.Addr(), newer.variantOf(&ref)} {
		v, ok := newer.Validity(&ref)
		require.True(t, ok)
		v = v.Of(&e)
		require.True(t, newer.StillValid(&v))
		newer.cfg.Versions.Changed(addr)
		require.False(t, newer.StillValid(&v))
	}
	v, ok := old.Validity(&ref)
	require.True(t, ok)
	v = v.Of(&e)
	require.False(t, old.StillValid(&v), "it was taken before a variant was expected")
}

// Sliding extends the life of both: a variant lives no longer than the entry beside it.
func TestTouchExtendsTheLifeOfAVariantAndItsEntry(t *testing.T) {
	_, newer, ref := twoSchemas(t)
	load(t, newer, &ref, Contents{Payload: []byte("new"), TTL: ttl, Idle: time.Minute})
	require.NoError(t, newer.Touch(t.Context(), ref.Key, 2*ttl))
	for _, addr := range []string{ref.Addr(), newer.variantOf(&ref)} {
		left := &wire.Call{Name: "pttl", Key: addr}
		require.NoError(t, newer.cfg.Wire.Run(t.Context(), left))
		n, err := left.Reply.Int64()
		require.NoError(t, err)
		require.Greater(t, n, ttl.Milliseconds())
	}
}

// A command on a variant does not touch a value that an outdated lease was on.
func TestCasOnAVariantComparesBothRecords(t *testing.T) {
	_, newer, ref := twoSchemas(t)
	w, side := newer.cfg.Wire, newer.variantOf(&ref)
	set := func(addr, text string) {
		require.NoError(t, w.Run(t.Context(), &wire.Call{Name: "set", Key: addr, Args: []any{text}}))
	}
	cas := func(expected, what, anchor string) bool {
		call := &wire.Call{Script: lua.Cas, Key: side, With: ref.Addr(), Args: []any{expected, what, "stored", 1000, anchor}}
		require.NoError(t, w.Run(t.Context(), call))
		return call.Did()
	}
	read := func() string {
		get := &wire.Call{Name: "get", Key: side}
		require.NoError(t, w.Run(t.Context(), get))
		text, _ := get.Reply.Text()
		return text
	}
	set(ref.Addr(), "anchor...")
	for _, what := range []string{"set", "test", "keep", "drop"} {
		set(side, "leased")
		require.False(t, cas("other", what, "anchor"))
		require.Equal(t, "leased", read(), "%s: another lease", what)
		require.False(t, cas("leased", what, "another"))
		require.Empty(t, read(), "%s: what is of no use is dropped", what)
	}
	set(side, "leased")
	require.True(t, cas("leased", "test", "anchor"))
	require.True(t, cas("leased", "set", "anchor"))
	require.Equal(t, "stored", read())
}
