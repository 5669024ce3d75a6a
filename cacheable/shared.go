package cacheable

import (
	"fmt"
	"reflect"

	"github.com/jollyjet/aside/store"
)

// Shared says that several caches of one store have the same name on purpose, such as one of [New] and one of [NewMany]. They
// share their entries, so their loaders must return the same values. Give Shared to all of them; without it the second one is
// logged as a warning, once for each name. Caches of the same name in one store must have the same K, V, codec and [Schema] in
// any case: New panics otherwise. Caches of different stores are not compared.
func Shared() Option { return func(s *settings) { s.shared = true } }

// identity is what caches of one name in one store have in common. It is comparable.
type identity struct {
	key, value    reflect.Type
	customKey     bool
	codec, schema string
}

// differs says what another cache of the same name has instead.
func (i identity) differs(other identity) string {
	switch {
	case i.key != other.key:
		return fmt.Sprintf("arguments of type %s, the other one %s", typeName(i.key), typeName(other.key))
	case i.value != other.value:
		return fmt.Sprintf("values of type %s, the other one %s", typeName(i.value), typeName(other.value))
	case i.customKey != other.customKey:
		return fmt.Sprintf("cacheable.Key: %t, the other one: %t", i.customKey, other.customKey)
	case i.codec != other.codec:
		return fmt.Sprintf("the codec %s, the other one %s", i.codec, other.codec)
	default:
		return fmt.Sprintf("cacheable.Schema %q, the other one %q", i.schema, other.schema)
	}
}

// typeName tells types of the same name in different packages apart.
func typeName(t reflect.Type) string {
	if t.PkgPath() == "" || t.Name() == "" {
		return t.String()
	}
	return t.PkgPath() + "." + t.Name()
}

func identityOf[K comparable, V any](s *settings) identity {
	return identity{
		key: reflect.TypeFor[K](), value: reflect.TypeFor[V](), customKey: s.key != nil, codec: s.codec.Name(), schema: s.schema,
	}
}

// register records a cache with its store. It panics if the store has a cache of the same name that is another one.
func register(st *store.Store, name string, id identity, shared bool) {
	engine := st.Engine()
	first, mistake := engine.Entries.Register(name, id, shared)
	if known, _ := first.(identity); known != id {
		panic(fmt.Sprintf("cacheable: New(%q): the store already has a cache of this name, and they differ: this one has %s; "+
			"give one of them another name", name, id.differs(known)))
	}
	if mistake {
		engine.Log.Warn("aside: two caches of one store have the same name, so each answers with what the other has loaded, and their "+
			"loaders may differ; use another name, or give cacheable.Shared() to both if that is meant",
			"cache", name, "key_type", typeName(id.key), "value_type", typeName(id.value))
	}
}
