package cacheable

import (
	"fmt"
	"hash"
	"reflect"
	"regexp"
)

// describeKey writes what decides which arguments have which key: the kinds of the parts of the argument's type, the names and
// types of its fields in their order, and the names of named types. Two arguments that change places in [Pack2], or two fields of
// a struct, would otherwise have each other's entries.
//
// Keys made by a function, by the [Key] option, have no parts. Then the type stands for the function, which can't be seen: its
// name and its exported fields, for unexported ones are the business of the type's own package.
func describeKey(h hash.Hash64, t reflect.Type, custom bool) {
	write(h, fmt.Sprintf("key, by a function %t", custom))
	describeArgument(h, t, custom)
}

func describeArgument(h hash.Hash64, t reflect.Type, custom bool) {
	write(h, keyTypeName(t))
	write(h, t.Kind().String())
	switch t.Kind() {
	case reflect.Array:
		write(h, fmt.Sprint(t.Len()))
		describeArgument(h, t.Elem(), custom)
	case reflect.Struct:
		write(h, "{")
		for f := range t.Fields() {
			if custom && !f.IsExported() {
				continue
			}
			write(h, f.Name)
			describeArgument(h, f.Type, custom)
		}
		write(h, "}")
	}
}

var (
	// pathOfPackage is all of a package's path but its last element, in the type arguments of a generic type.
	pathOfPackage = regexp.MustCompile(`[^\[\],*\s]*/`)
	// numberOfLocal numbers the types that are declared in functions. It changes with other types of the package.
	numberOfLocal = regexp.MustCompile(`·\d+`)
)

// keyTypeName is the name of a type with that of its package, such as "shop.TenantID". The package's path is left out, so that
// a module may move.
func keyTypeName(t reflect.Type) string {
	if t.Name() == "" {
		return ""
	}
	return numberOfLocal.ReplaceAllString(pathOfPackage.ReplaceAllString(t.String(), ""), "")
}
