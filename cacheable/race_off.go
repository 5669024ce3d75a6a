//go:build !race

package cacheable

const raceEnabled = false
