// Package fidelity tells what of a value a codec does not give back: by the type alone ([Rules.Lost]), and by comparing a value
// with what came back ([Rules.Compare]). It only looks: nothing is changed, and it has no state.
package fidelity
