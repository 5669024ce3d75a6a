// Package slicesx has what the standard library's slices lacks.
package slicesx

// Distinct returns the elements, each once, in the order in which they first occur.
func Distinct[S ~[]E, E comparable](s S) S {
	seen := make(map[E]struct{}, len(s))
	once := make(S, 0, len(s))
	for _, e := range s {
		if _, again := seen[e]; !again {
			seen[e] = struct{}{}
			once = append(once, e)
		}
	}
	return once
}
