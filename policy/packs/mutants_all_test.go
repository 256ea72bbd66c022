//go:build !race

package packs

const oneMutantIn = 1
