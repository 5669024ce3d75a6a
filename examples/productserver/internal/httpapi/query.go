package httpapi

import (
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/jollyjet/aside/examples/productserver/internal/domain"
)

// parameters maps a list's query parameters to what they set; the string returned says what is wrong with a value.
var parameters = map[string]func(*domain.Query, string) string{
	"category": func(q *domain.Query, v string) string { q.Category = strings.ToLower(v); return required(v) },
	"currency": func(q *domain.Query, v string) string { q.Currency = strings.ToUpper(v); return required(v) },
	"minPrice": func(q *domain.Query, v string) string { return number(&q.MinPrice, v) },
	"maxPrice": func(q *domain.Query, v string) string {
		if problem := number(&q.MaxPrice, v); problem != "" {
			return problem
		}
		if q.MaxPrice == 0 {
			return "must be at least 1" // zero means no bound to the query, and would list everything
		}
		return ""
	},
	"active": func(q *domain.Query, v string) string { q.Active = domain.Activity(v); return required(v) },
	"sort":   func(q *domain.Query, v string) string { q.Sort = v; return required(v) },
	"order":  order,
	"page":   func(q *domain.Query, v string) string { return number(&q.Page, v) },
	"limit":  func(q *domain.Query, v string) string { return number(&q.Limit, v) },
}

// parseQuery refuses what it does not know: a filter that is misspelt and ignored shows a client the wrong products.
func parseQuery(raw string) (domain.Query, error) {
	q := domain.DefaultQuery()
	values, err := url.ParseQuery(raw)
	if err != nil {
		return q, domain.Invalid("query", "is not well-formed")
	}
	if values.Has("sort") {
		q.Desc = false // only the default sort begins with the newest
	}
	var fields []domain.FieldError
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if problem := apply(&q, name, values[name]); problem != "" {
			fields = append(fields, domain.FieldError{Field: name, Message: problem})
		}
	}
	if len(fields) > 0 {
		return q, &domain.ValidationError{Fields: fields}
	}
	return q, q.Validate()
}

func apply(q *domain.Query, name string, values []string) string {
	set, known := parameters[name]
	switch {
	case !known:
		return "is not a parameter of this list"
	case len(values) > 1:
		return "must be given once"
	default:
		return set(q, values[0])
	}
}

func order(q *domain.Query, v string) string {
	q.Desc = v == "desc"
	if v != "asc" && v != "desc" {
		return "must be asc or desc"
	}
	return ""
}

func required(v string) string {
	if v == "" {
		return "must not be empty"
	}
	return ""
}

func number[N int | int64](to *N, v string) string {
	n, err := strconv.ParseInt(v, 10, 64)
	if err != nil || int64(N(n)) != n {
		return "must be a whole number"
	}
	*to = N(n)
	return ""
}
