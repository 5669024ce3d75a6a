package httpapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"net/http"
	"slices"
	"strings"

	"github.com/jollyjet/aside/examples/productserver/internal/domain"
)

// errMediaType becomes a 415.
var errMediaType = errors.New("the body must be application/json")

// productBody is the JSON of a product on its way in. Fields that are absent are nil: for an update they stay as they
// are, for a new product the validation says what it needs.
type productBody struct {
	Version     *int64        `json:"version"`
	Name        *string       `json:"name"`
	Description *string       `json:"description"`
	Brand       *string       `json:"brand"`
	Category    *string       `json:"category"`
	Price       *domain.Money `json:"price"`
	Stock       *int          `json:"stock"`
	Images      *[]string     `json:"images"`
	Rating      *float64      `json:"rating"`
	IsActive    *bool         `json:"isActive"`
}

// decodeNew validates what it reads, though the use case would too: behind a decorator a refused write would be one
// that failed, and after those everything is evicted all the same, since a failure does not prove that nothing was
// written. A client that sends nonsense must not be able to keep the cache cold.
func decodeNew(r *http.Request) (domain.NewProduct, error) {
	b, err := decode(r)
	if err != nil {
		return domain.NewProduct{}, err
	}
	if b.Version != nil {
		return domain.NewProduct{}, domain.Invalid("version", "is not for a client to choose")
	}
	in := domain.NewProduct{
		Name: or(b.Name, ""), Description: or(b.Description, ""), Brand: or(b.Brand, ""), Category: or(b.Category, ""),
		Price: or(b.Price, domain.Money{}), Stock: or(b.Stock, 0), Images: or(b.Images, nil), Rating: or(b.Rating, 0),
		IsActive: or(b.IsActive, true),
	}
	return in, in.Validate()
}

// decodeUpdate validates for the same reason.
func decodeUpdate(r *http.Request, id string) (domain.UpdateProduct, error) {
	b, err := decode(r)
	if err != nil {
		return domain.UpdateProduct{}, err
	}
	in := domain.UpdateProduct{
		ID: id, Version: b.Version, Name: b.Name, Description: b.Description, Brand: b.Brand, Category: b.Category,
		Price: b.Price, Stock: b.Stock, Images: b.Images, Rating: b.Rating, IsActive: b.IsActive,
	}
	return in, in.Validate()
}

func or[T any](v *T, otherwise T) T {
	if v == nil {
		return otherwise
	}
	return *v
}

func decode(r *http.Request) (productBody, error) {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/json" {
		return productBody{}, errMediaType
	}
	raw, err := io.ReadAll(r.Body)
	if err != nil {
		return productBody{}, fmt.Errorf("read body: %w", err)
	}
	var b productBody
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&b); err != nil {
		return productBody{}, malformed(err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return productBody{}, domain.Invalid("body", "must be one JSON object and nothing else")
	}
	return b, refuseNull(raw)
}

// refuseNull: every field has a value, so null means nothing here, and the decoder would take it for absent.
func refuseNull(raw []byte) error {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(raw, &members); err != nil || members == nil {
		return domain.Invalid("body", "must be a JSON object")
	}
	var fields []domain.FieldError
	for _, name := range slices.Sorted(maps.Keys(members)) {
		if string(members[name]) == "null" {
			fields = append(fields, domain.FieldError{Field: name, Message: "must not be null"})
		}
	}
	if len(fields) > 0 {
		return &domain.ValidationError{Fields: fields}
	}
	return nil
}

// malformed turns a decoder's error into one that names the field.
func malformed(err error) error {
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		if strings.Trim(wrong.Field, ".") == "" {
			return domain.Invalid("body", "must be a JSON object")
		}
		return domain.Invalid(wrong.Field, "must be "+kindName(wrong.Type.Kind().String()))
	}
	if quoted, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
		name := strings.Trim(quoted, `"`)
		if name == "" {
			return domain.Invalid("body", "must not have a field without a name")
		}
		return domain.Invalid(name, "is not a field of a product that can be set")
	}
	return domain.Invalid("body", "must be well-formed JSON")
}

func kindName(kind string) string {
	names := map[string]string{
		"string": "a string", "bool": "true or false", "float64": "a number",
		"slice": "an array", "struct": "an object",
	}
	if name, ok := names[kind]; ok {
		return name
	}
	return "a whole number"
}
