package cacheable

import (
	"reflect"
	"strings"

	"github.com/jollyjet/aside/internal/entry"
)

// Equal says when a value that came back from the codec is as good as the one that was loaded. The default compares all parts,
// unexported fields included: NaN equals NaN, nil equals an empty slice or map, and times are equal if they are the same
// instant. Types that encode themselves are compared with their method Equal or Cmp, if they have one.
//
// A miss answers with what the loader returned, a hit with what the codec made of it. So the first values that are stored, and
// one of 4096 afterwards, are decoded and compared. A difference is counted (store.CacheStats), and logged once as an
// error with the path of the field; the value is stored all the same. Equal is called by several goroutines at once. A panic
// in it is recovered and counted.
func Equal[V any](equal func(a, b V) bool) Option {
	checks.NotNil("Equal", equal == nil)
	return func(s *settings) { s.equal = equal }
}

// Lossy says that values need not come back from the codec as they were, such as those with a field `json:"-"`. They are not
// compared (see [Equal]), and nothing is logged about the fields that the codec leaves out. That a value can't be encoded or
// decoded at all is still counted and logged.
func Lossy() Option { return func(s *settings) { s.lossy = true } }

const (
	alwaysCompared = 3    // of the first values of a cache
	comparedEvery  = 4096 // after that, and each power of two before
	maxCompared    = 1 << 20
)

// samples reports whether a value that is to be stored is to be compared with what comes back. It is called once for each.
func (c *coding[V]) samples(size int) bool {
	n := c.seen.Add(1)
	return size <= maxCompared && (n <= alwaysCompared || n%comparedEvery == 0 || n < comparedEvery && n&(n-1) == 0)
}

// verify decodes what a value was encoded to. It returns an error if that fails, and otherwise which part came back different.
// Both are counted, and each is logged once.
func (c *coding[V]) verify(value V, payload []byte) (different string, err error) {
	var back V
	if err := c.decode(payload, &back); err != nil {
		c.undecodable(err)
		return "", err
	}
	if c.lossy {
		return "", nil
	}
	different, named := c.compare(&value, &back)
	if different == "" {
		return "", nil
	}
	c.cache.Count(entry.CountLossy)
	if !named && c.cache.Count(entry.CountDifferent) == 1 {
		c.cache.Log().Error("aside: a value came back from the codec different, so hits answer other than misses; "+
			"change the type or the codec, or say that it is meant with cacheable.Lossy() or cacheable.Equal",
			"cache", c.cache.Name(), "type", typeName(reflect.TypeFor[V]()), "codec", c.codec.Name(), "difference", different)
	}
	return different, nil
}

// compare returns how a value differs from what came back, or "". It reports whether that was named when the cache was made.
// A panic in a method of the user's is no difference.
func (c *coding[V]) compare(value, back *V) (different string, named bool) {
	defer func() {
		if p := recover(); p != nil {
			c.cache.Lifecycle().Recovered("comparison of values of "+c.cache.Name(), p)
			different = ""
		}
	}()
	if c.equal != nil {
		if c.equal(*value, *back) {
			return "", false
		}
		found, _ := c.rules.Compare(value, back)
		if found == nil {
			return "the value came back different, as Equal says", false
		}
		return found.String(), false
	}
	found, lost := c.rules.Compare(value, back)
	switch {
	case found != nil:
		return found.String(), false
	case lost:
		return "a field that the codec leaves out", true
	default:
		return "", false
	}
}

func (c *coding[V]) unencodable(err error) {
	if c.cache.Count(entry.CountUnencodable) == 1 {
		c.cache.Log().Error("aside: the codec can't encode a value, so it is not stored and its reads load; "+
			"change the type or the codec; further ones are only counted",
			"cache", c.cache.Name(), "type", typeName(reflect.TypeFor[V]()), "codec", c.codec.Name(), "err", err)
	}
}

func (c *coding[V]) undecodable(err error) {
	if c.cache.Count(entry.CountUndecodable) == 1 {
		c.cache.Log().Error("aside: the codec can't decode what it has encoded, so the value is not stored and its reads load; "+
			"change the type or the codec; further ones are only counted",
			"cache", c.cache.Name(), "type", typeName(reflect.TypeFor[V]()), "codec", c.codec.Name(), "err", err)
	}
}

// tellLost logs what of the type the codec leaves out, as far as the type tells.
func (c *coding[V]) tellLost() {
	t := reflect.TypeFor[V]()
	var lost, whole []string
	for _, l := range c.rules.Lost(t, c.pointer) {
		if l.Whole {
			whole = append(whole, l.String())
		} else {
			lost = append(lost, l.String())
		}
	}
	if whole != nil && c.cache.Count(entry.CountHopeless) == 1 {
		c.cache.Log().Error("aside: the codec can't encode values of this type, so they are not stored and their reads load; "+
			"cache a type without these parts, or have the codec leave them out",
			"cache", c.cache.Name(), "type", typeName(t), "codec", c.codec.Name(), "parts", strings.Join(whole, ", "))
	}
	if lost != nil && !c.lossy && c.equal == nil && c.cache.Count(entry.CountLeftOut) == 1 {
		c.cache.Log().Error("aside: the codec leaves out parts of the values, so hits answer without them; "+
			"cache a type that has them exported, or say that it is meant with cacheable.Lossy()",
			"cache", c.cache.Name(), "type", typeName(t), "codec", c.codec.Name(), "parts", strings.Join(lost, ", "))
	}
}
