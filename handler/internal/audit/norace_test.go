//go:build !race

package audit_test

const slowdown = 1
