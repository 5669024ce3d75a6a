package cacheable

import "context"

// Func is the type of a loader, and of the method that replaces it.
type Func[K comparable, V any] = func(context.Context, K) (V, error)

// Args2 are the arguments of a loader that takes two, as one key.
type Args2[A, B comparable] struct {
	A A
	B B
}

// Args3 are the arguments of a loader that takes three, as one key.
type Args3[A, B, C comparable] struct {
	A A
	B B
	C C
}

// Pack2 makes a loader of two arguments one that [New] can decorate.
//
// When arguments of the same type change places between two versions of a program, the old entries are those of other
// arguments, and nothing tells: ("a", "b") is a key before and after. Types of their own (TenantID, UserID) tell them apart, as
// does a struct with named fields in place of Pack2. Where both are strings, change the cache's name or its [Schema] with them.
func Pack2[A, B comparable, V any](load func(context.Context, A, B) (V, error)) Func[Args2[A, B], V] {
	return func(ctx context.Context, args Args2[A, B]) (V, error) { return load(ctx, args.A, args.B) }
}

// Unpack2 undoes [Pack2], for the method of a cache: Unpack2(prices.Get) takes the place of the loader of prices.
func Unpack2[A, B comparable, V any](get Func[Args2[A, B], V]) func(context.Context, A, B) (V, error) {
	return func(ctx context.Context, a A, b B) (V, error) { return get(ctx, Args2[A, B]{a, b}) }
}

// Pack3 is [Pack2] for three arguments.
func Pack3[A, B, C comparable, V any](load func(context.Context, A, B, C) (V, error)) Func[Args3[A, B, C], V] {
	return func(ctx context.Context, args Args3[A, B, C]) (V, error) { return load(ctx, args.A, args.B, args.C) }
}

// Unpack3 undoes [Pack3].
func Unpack3[A, B, C comparable, V any](get Func[Args3[A, B, C], V]) func(context.Context, A, B, C) (V, error) {
	return func(ctx context.Context, a A, b B, c C) (V, error) { return get(ctx, Args3[A, B, C]{a, b, c}) }
}
