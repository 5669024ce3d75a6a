package cacheable

import (
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

type (
	tenantID     string
	userID       string
	idOf[T any]  string
	aliased      = userID
	keyOf[T any] struct{ ID T }
	byTenant     struct{ Tenant, User string }
)

func TestFingerprintsTellKeysApart(t *testing.T) {
	all := map[uint64]string{}
	distinct := func(name string, f uint64) {
		t.Helper()
		require.Empty(t, all[f], "%s has the same as %s", name, all[f])
		all[f] = name
	}
	distinct("string", ofKey[string](false))
	distinct("string by a function", ofKey[string](true))
	distinct("int", ofKey[int](false))
	distinct("int64", ofKey[int64](false))
	distinct("a named string", ofKey[tenantID](false))
	distinct("another named string", ofKey[userID](false))
	distinct("one of a generic type", ofKey[idOf[int]](false))
	distinct("another of a generic type", ofKey[idOf[tenantID]](false))
	distinct("fields", ofKey[struct{ Tenant, User string }](false))
	distinct("fields in another order", ofKey[struct{ User, Tenant string }](false))
	distinct("a renamed field", ofKey[struct{ Tenant, Account string }](false))
	distinct("unexported fields", ofKey[struct{ tenant, user string }](false))
	distinct("unexported fields in another order", ofKey[struct{ user, tenant string }](false))
	distinct("another type of a field", ofKey[struct {
		Tenant string
		User   int
	}](false))
	distinct("fields of a field", ofKey[struct{ A struct{ B, C int } }](false))
	distinct("fields of a field in another order", ofKey[struct{ A struct{ C, B int } }](false))
	distinct("a nested field", ofKey[struct {
		A struct{ B int }
		C int
	}](false))
	distinct("a named struct", ofKey[byTenant](false))
	distinct("an array", ofKey[[2]string](false))
	distinct("a longer array", ofKey[[3]string](false))
	distinct("an array of others", ofKey[[2]tenantID](false))
	distinct("two arguments", ofKey[Args2[string, int]](false))
	distinct("two arguments swapped", ofKey[Args2[int, string]](false))
	distinct("two named arguments", ofKey[Args2[tenantID, userID]](false))
	distinct("two named arguments swapped", ofKey[Args2[userID, tenantID]](false))
	distinct("three arguments", ofKey[Args3[string, string, int]](false))
	distinct("three arguments swapped", ofKey[Args3[string, int, string]](false))
	distinct("two arguments by a function", ofKey[Args2[string, int]](true))
	distinct("two arguments swapped, by a function", ofKey[Args2[int, string]](true))
	distinct("a pointer", ofKey[*int](true))
	distinct("a float", ofKey[float64](true))
	distinct("an interface", ofKey[any](true))
	distinct("a time", ofKey[time.Time](true))
}

func TestFingerprintsOfKeysIgnoreWhatDoesNotMatter(t *testing.T) {
	type local string
	require.Equal(t, ofKey[userID](false), ofKey[aliased](false), "an alias is the type")
	require.Equal(t, ofKey[struct{ A int }](false), ofKey[struct {
		A int `json:"a"`
	}](false), "no codec sees a key")
	require.Equal(t, ofKey[struct{ A int }](true), ofKey[struct {
		A int
		b int
	}](true), "a function makes the key")
	require.Equal(t, "cacheable.local", keyTypeName(reflect.TypeFor[local]()))
	require.Equal(t, "cacheable.keyOf[cacheable.local]", keyTypeName(reflect.TypeFor[keyOf[local]]()), "local types have numbers that change")
	require.Equal(t, "cacheable.keyOf[cacheable.Args2[string,cacheable.userID]]", keyTypeName(reflect.TypeFor[keyOf[Args2[string, userID]]]()))
}

// Schema stands for the value alone.
func TestASchemaDoesNotStandForTheKey(t *testing.T) {
	of := func(k reflect.Type) uint64 {
		return fingerprint(k, reflect.TypeFor[string](), false, "json", "version 1")
	}
	require.NotEqual(t, of(reflect.TypeFor[Args2[string, int]]()), of(reflect.TypeFor[Args2[int, string]]()))
}

func TestFingerprintsOfKeysAreStable(t *testing.T) {
	require.Equal(t, uint64(0xf8695e989b58fb1a), ofKey[Args2[tenantID, struct{ A [2]int }]](false))
}
