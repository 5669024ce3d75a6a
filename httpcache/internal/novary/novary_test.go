package novary

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

func parse(lines ...string) Rule { return Parse(http.Header{"No-Vary-Search": lines}) }

func TestRuleOfAnAnswer(t *testing.T) {
	for line, want := range map[string]Rule{
		"key-order":                            {AnyOrder: true},
		"key-order=?0":                         {},
		"params":                               {Except: true},
		"params=?0":                            {},
		`params=("utm_source" "a" "a")`:        {Names: []string{"a", "utm_source"}},
		`params, except=("id")`:                {Except: true, Names: []string{"id"}},
		`key-order, params=("a"), more=1`:      {AnyOrder: true, Names: []string{"a"}},
		`params=("a+b%20c%C3%A4")`:             {Names: []string{"a b cä"}},
		`params=()`:                            {},
		`params;x=1, except=();y, key-order;z`: {Except: true, AnyOrder: true},
	} {
		require.Equal(t, want, parse(line), line)
	}
	require.Equal(t, Rule{AnyOrder: true, Names: []string{"a"}}, parse("key-order", `params=("a")`), "two lines")
}

func TestAnErrorMakesItTheDefault(t *testing.T) {
	for _, line := range []string{
		"", "KEY-ORDER", "key-order=1", `key-order, params="a"`, `key-order, params=(a)`, `key-order, params=(1)`, "key-order, params=1",
		`key-order, except=("a")`, `key-order, params=("a"), except=("b")`, `params, except`, `params, except="a"`, `params, except=(a)`,
		"key-order,", "key-order=(?1)", `params=("a"`, `params=?0, except=("a")`,
	} {
		require.True(t, parse(line).IsDefault(), line)
	}
	require.True(t, Parse(http.Header{}).IsDefault())
}

func TestQueriesThatAreTheSame(t *testing.T) {
	for name, c := range map[string]struct {
		rule Rule
		a, b string
		same bool
	}{
		"default is byte by byte":    {Rule{}, "a=1&b=2", "a=1&b=%32", false},
		"default counts the order":   {Rule{}, "a=1&b=2", "b=2&a=1", false},
		"any order":                  {Rule{AnyOrder: true}, "a=1&b=2", "b=2&a=1", true},
		"any order, but of one name": {Rule{AnyOrder: true}, "a=1&a=2", "a=2&a=1", false},
		"any order, other value":     {Rule{AnyOrder: true}, "a=1&b=2", "b=1&a=2", false},
		"ignored":                    {Rule{Names: []string{"utm"}}, "a=1&utm=x", "a=1", true},
		"ignored, encoded":           {Rule{Names: []string{"utm"}}, "a=1&%75tm=x", "a=1", true},
		"not ignored":                {Rule{Names: []string{"utm"}}, "a=1&utm2=x", "a=1", false},
		"not ignored, other case":    {Rule{Names: []string{"utm"}}, "a=1&UTM=x", "a=1", false},
		"ignored, order counts":      {Rule{Names: []string{"utm"}}, "a=1&b=2", "b=2&a=1", false},
		"all ignored":                {Rule{Except: true}, "a=1&b", "", true},
		"all but one":                {Rule{Except: true, Names: []string{"id"}}, "id=1&x=2", "y=3&id=1", true},
		"all but one, which differs": {Rule{Except: true, Names: []string{"id"}}, "id=1", "id=2", false},
		"encoding of a space":        {Rule{AnyOrder: true}, "a=+", "a=%20", true},
		"plus is no plus sign":       {Rule{AnyOrder: true}, "a=+", "a=%2B", false},
		"encoded separators":         {Rule{AnyOrder: true}, "a=1%26b%3D2", "a=1&b=2", false},
		"no value":                   {Rule{AnyOrder: true}, "a", "a=", true},
		"empty pieces":               {Rule{AnyOrder: true}, "&&a=1&", "a=1", true},
		"not UTF-8":                  {Rule{AnyOrder: true}, "a=%FF", "a=%FE", false},
		"percent alone":              {Rule{AnyOrder: true}, "a=%zz", "a=%25zz", true},
		"semicolon separates not":    {Rule{AnyOrder: true}, "a=1;b=2", "a=1&b=2", false},
	} {
		require.Equal(t, c.same, c.rule.Query(c.a) == c.rule.Query(c.b), name)
	}
}

func FuzzQuery(f *testing.F) {
	f.Add(`key-order, params=("a")`, "a=1&b=%zz&c&&=+")
	f.Add(`params, except=("a%20")`, "a+=1&b=2")
	f.Fuzz(func(t *testing.T, line, query string) {
		rule := parse(line)
		form := rule.Query(query)
		require.Equal(t, form, rule.Query(form), "a form has itself as its own")
		if rule.AnyOrder {
			require.Equal(t, form, Rule{Names: rule.Names, Except: rule.Except, AnyOrder: true}.Query(form+"&"))
		}
	})
}
