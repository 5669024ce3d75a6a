package domain

import (
	"errors"
	"strings"
)

// The outcomes that callers tell apart with errors.Is.
var (
	// ErrNotFound says that no product has this id.
	ErrNotFound = errors.New("product not found")
	// ErrDuplicate says that the name, or the id made from it, is taken.
	ErrDuplicate = errors.New("a product of this name exists")
	// ErrConflict says that the product changed since the version that the client had seen.
	ErrConflict = errors.New("product has another version")
	// ErrUnavailable says that the database can't be reached; the same request may succeed later.
	ErrUnavailable = errors.New("database unavailable")
)

// FieldError says what is wrong with one field, named as the client knows it.
type FieldError struct {
	Field   string `json:"field"`
	Message string `json:"message"`
}

// ValidationError lists everything that is wrong with an input, so that a client can mend it in one go.
type ValidationError struct{ Fields []FieldError }

func (e *ValidationError) Error() string {
	parts := make([]string, len(e.Fields))
	for i, f := range e.Fields {
		parts[i] = f.Field + " " + f.Message
	}
	return "invalid input: " + strings.Join(parts, "; ")
}

// Invalid is the error for one wrong field.
func Invalid(field, message string) error {
	return &ValidationError{Fields: []FieldError{{Field: field, Message: message}}}
}
