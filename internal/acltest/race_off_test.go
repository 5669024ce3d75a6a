//go:build !race

package acltest

const raceEnabled = false
