//go:build !linux

package main

import "os"

func datasync(f *os.File) {
	f.Sync() //nolint:errcheck // a floor
}
