package main

import (
	"os"
	"syscall"
)

func datasync(f *os.File) {
	syscall.Fdatasync(int(f.Fd())) //nolint:errcheck // a floor
}
