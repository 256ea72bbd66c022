//go:build race

package audit_test

// slowdown is by how much less there is of what only repeats: the detector
// finds a race in few runs, and each takes ten times as long.
const slowdown = 10
