package repository

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/jollyjet/aside/examples/productserver/internal/domain"
)

// wrap says what was tried, and puts the domain's name for the error beside the driver's own.
func wrap(what string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, mongo.ErrNoDocuments):
		return fmt.Errorf("%s: %w", what, domain.ErrNotFound)
	case duplicate(err):
		return fmt.Errorf("%s: %w: %w", what, domain.ErrDuplicate, err)
	case unavailable(err):
		return fmt.Errorf("%s: %w: %w", what, domain.ErrUnavailable, err)
	default:
		return fmt.Errorf("%s: %w", what, err)
	}
}

// duplicate also knows FerretDB's words: it gives an update that breaks a unique index no code of its own.
func duplicate(err error) bool {
	return mongo.IsDuplicateKeyError(err) || strings.Contains(err.Error(), "UNIQUE constraint failed")
}

// unavailable is true for what may be better in a moment. A caller who went away is not the database's fault.
func unavailable(err error) bool {
	if errors.Is(err, context.Canceled) {
		return false
	}
	labeled := mongo.LabeledError(nil)
	return mongo.IsNetworkError(err) || mongo.IsTimeout(err) || errors.Is(err, mongo.ErrClientDisconnected) ||
		errors.As(err, &labeled) && labeled.HasErrorLabel("RetryableWriteError") ||
		strings.Contains(err.Error(), "server selection error")
}
