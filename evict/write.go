package evict

import (
	"context"
	"fmt"
	"reflect"
)

// none is the result of a write that returns only an error.
type none = struct{}

func withResult[A any](write func(context.Context, A) error) func(context.Context, A) (none, error) {
	return func(ctx context.Context, a A) (none, error) { return none{}, write(ctx, a) }
}

func withoutResult[A any](write func(context.Context, A) (none, error)) func(context.Context, A) error {
	return func(ctx context.Context, a A) error {
		_, err := write(ctx, a)
		return err
	}
}

// signature is the type of a write, as its author wrote it.
func signature[A, R any]() string {
	if reflect.TypeFor[R]() == reflect.TypeFor[none]() {
		return fmt.Sprintf("func(context.Context, %v) error", reflect.TypeFor[A]())
	}
	return fmt.Sprintf("func(context.Context, %v) (%v, error)", reflect.TypeFor[A](), reflect.TypeFor[R]())
}

func mustWrite(decorator string, missing bool) {
	if missing {
		panic("evict: " + decorator + ": the write must not be nil")
	}
}
